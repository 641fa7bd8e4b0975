/**
 * What the page may do, said to the browser: run our own scripts and WebAssembly, talk to
 * its own origin, nothing else. An image can therefore not leave the page.
 */
const contentSecurityPolicy = {
  'default-src': "'none'",
  'script-src': "'self' 'wasm-unsafe-eval'",
  'worker-src': "'self'",
  'connect-src': "'self'",
  'style-src': "'self'",
  'img-src': "'self' data:",
  'manifest-src': "'self'",
  'base-uri': "'none'",
  'form-action': "'none'",
  'frame-ancestors': "'none'",
};

/** @type {Record<string, string>} */
export const securityHeaders = {
  'content-security-policy': Object.entries(contentSecurityPolicy)
    .map(([name, value]) => `${name} ${value}`)
    .join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

/** What Vite puts there has a hash of its content in its name. */
const hashed = '/assets/';

/** How long a browser may keep what has a hash in its name: for ever. */
const immutable = 'public, max-age=31536000, immutable';

/**
 * How long a browser may keep an answer.
 * @param {string} pathname
 */
export const cacheControl = (pathname) => (pathname.startsWith(hashed) ? immutable : 'no-cache');

/**
 * The same headers in the form that hosts of static files read them in, as the file _headers. All but what never
 * changes is asked for again there without being told.
 */
export function headersFile() {
  const lines = Object.entries(securityHeaders).map(([name, value]) => `  ${name}: ${value}`);
  return `/*\n${lines.join('\n')}\n${hashed}*\n  cache-control: ${immutable}\n`;
}
