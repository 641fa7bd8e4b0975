import {randomBytes} from 'node:crypto';
import {createReadStream, readdirSync, statSync} from 'node:fs';
import path from 'node:path';
import {Readable} from 'node:stream';
import {parseArgs} from 'node:util';
import {buildEdge} from './edge-build.mjs';
import {startLocal} from './edge-local.mjs';
import {Failure, runMain} from './failure.mjs';
import {buildDir} from './paths.mjs';

const usage = 'npm run edge -- [--port N] [--images FOLDER] [--state FOLDER] [--off]';

/** How often the clock strikes here, and as which of the configuration's. */
const resumeEvery = 5 * 60_000;
const resumeCron = '*/5 * * * *';

/** The simulation of R2 reads wrong bytes behind this many of a file. */
const largest = 2 ** 32;

await runMain(async () => {
  const chosen = choices();
  console.log('qcowscope: getting the page and the worker ready');
  await buildEdge(console.log);
  const token = chosen.off ? undefined : process.env.TOKEN ?? randomBytes(24).toString('base64url');
  const {LEASE, RETRY} = process.env;
  const vars = {...(LEASE === undefined ? {} : {LEASE}), ...(RETRY === undefined ? {} : {RETRY})};
  const edge = await startLocal({folder: chosen.state, port: chosen.port, vars, log: console.log, ...(token === undefined ? {} : {token})});
  if (chosen.images !== undefined) {
    console.log(`  ${await upload(edge, chosen.images)} files are in the bucket`);
  }
  console.log(`\n  Open ${edge.url} in a browser. Ctrl+C ends it.`);
  console.log(token === undefined ? '  The API is off.\n' : `  The token for signing in and for the API: ${token}\n`);
  const clock = setInterval(() => void edge.tick(resumeCron), resumeEvery);
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => {
      clearInterval(clock);
      void edge.close();
    });
  }
  // What was queued when this ended the last time is queued again.
  await edge.tick(resumeCron);
});

/** What the command line asks for. */
function choices() {
  const options = /** @type {const} */ ({port: {type: 'string'}, images: {type: 'string'}, state: {type: 'string'}, off: {type: 'boolean'}});
  try {
    const {values} = parseArgs({options});
    const port = Number(values.port ?? 8787);
    if (!Number.isInteger(port) || port < 0 || port > 65535) {
      throw new Error(`--port ${values.port} is not a port number.`);
    }
    return {port, images: values.images, state: path.resolve(values.state ?? path.join(buildDir, 'edge-state')), off: values.off === true};
  } catch (e) {
    throw new Failure(e instanceof Error ? e.message : String(e), usage);
  }
}

/**
 * Puts the files of a folder into the bucket, by their names in it. An R2 bucket of the platform takes them from
 * wrangler or from any S3 client.
 * @param {import('./edge-local.mjs').LocalEdge} edge
 * @param {string} folder
 */
async function upload(edge, folder) {
  const names = readdirSync(folder, {encoding: 'utf8', recursive: true}).filter((name) => statSync(path.join(folder, name)).isFile());
  for (const name of names) {
    const file = path.join(folder, name);
    const {size} = statSync(file);
    if (size > largest) {
      throw new Failure(`${file} has ${size} bytes, and the simulation of R2 reads no more than 4 GiB of a file.`, 'leave it out here; on the platform large files are uploaded in parts.');
    }
    await edge.put(name.split(path.sep).join('/'), Readable.toWeb(createReadStream(file)), size);
  }
  return names.length;
}
