// The same tests, with the long forms of those that have one.
process.env.QCOWSCOPE_FULL = '1';
await import('./test.mjs');
