import {mkdirSync, writeFileSync} from 'node:fs';
import {parseArgs} from 'node:util';
import {machine} from './bench/machine.mjs';
import {markdown} from './bench/report.mjs';
import {measureRow, rows} from './bench/rows.mjs';
import {buildPage} from './build.mjs';
import {Failure, runMain} from './failure.mjs';
import {inRoot} from './paths.mjs';
import {installTestTools} from './setup.mjs';

const usage = 'npm run bench -- [--write] [ROW...]   rows: ' + rows.map((row) => row.name).join(', ');

await runMain(async () => {
  const {write, chosen} = options();
  await buildPage(console.log);
  await installTestTools();
  const measured = [];
  for (const row of chosen) {
    console.log(`${row.name}: ${row.what}`);
    measured.push(await measureRow(row, console.log));
  }
  const on = await machine();
  const text = markdown(on, measured);
  console.log(`\n${text}`);
  if (write) {
    mkdirSync(inRoot('docs'), {recursive: true});
    writeFileSync(inRoot('docs/bench.md'), text);
    writeFileSync(inRoot('docs/bench.json'), `${JSON.stringify({machine: on, rows: measured}, null, 1)}\n`);
  }
});

function options() {
  try {
    const {values, positionals} = parseArgs({options: {write: {type: 'boolean', default: false}}, allowPositionals: true});
    const unknown = positionals.filter((name) => !rows.some((row) => row.name === name));
    if (unknown.length > 0) {
      throw new Error(`there is no row ${unknown.join(', ')}`);
    }
    if (values.write === true && positionals.length > 0) {
      throw new Error('--write is for all rows: a page with some of them would pass for the whole');
    }
    return {write: values.write === true, chosen: positionals.length > 0 ? rows.filter((row) => positionals.includes(row.name)) : rows};
  } catch (e) {
    throw new Failure(e instanceof Error ? e.message : String(e), usage);
  }
}
