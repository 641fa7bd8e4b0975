import {parseArgs} from 'node:util';
import {buildPage} from './build.mjs';
import {Failure, runMain} from './failure.mjs';
import {pageDir} from './paths.mjs';
import {serve} from './serve.mjs';

const usualPort = 5173;

await runMain(async () => {
  const port = chosenPort();
  console.log('qcowscope: getting the page ready');
  await buildPage(console.log);
  const server = await serve({folder: pageDir, port: port ?? usualPort, tries: port === undefined ? 20 : 1});
  console.log(`\n  Open ${server.url} in a browser. Ctrl+C ends it.\n`);
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => void server.close());
  }
});

/** The port from the command line, undefined if there is none. */
function chosenPort() {
  let text;
  try {
    text = parseArgs({options: {port: {type: 'string'}}}).values.port;
  } catch (e) {
    throw new Failure(e instanceof Error ? e.message : String(e), 'npm start, or npm start -- --port 8080');
  }
  if (text === undefined) {
    return undefined;
  }
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new Failure(`--port ${text} is not a port number.`, 'npm start -- --port 8080');
  }
  return port;
}
