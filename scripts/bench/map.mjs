// Measures the map with 2^24 clusters in Chromium: how soon it is there, how long a frame takes
// while it moves and whose time that is, and what memory the tab holds.
// node scripts/bench/map.mjs [--write] [IMAGE]
import {readFileSync, writeFileSync} from 'node:fs';
import {parseArgs} from 'node:util';
import {drop, launch} from '../../e2e/page.mjs';
import {buildPage} from '../build.mjs';
import {runMain} from '../failure.mjs';
import {inRoot} from '../paths.mjs';
import {installTestTools} from '../setup.mjs';
import {image} from './images.mjs';
import {machine} from './machine.mjs';

/** @typedef {import('playwright-core').Page} Page */

await runMain(async () => {
  const {values, positionals} = parseArgs({options: {write: {type: 'boolean', default: false}}, allowPositionals: true});
  await buildPage(console.log);
  await installTestTools();
  const file = positionals[0] ?? (await image('metadata-1T'));
  const app = await launch();
  try {
    const text = report(await machine(), await measure(app, file));
    console.log(text);
    if (values.write) {
      writeFileSync(inRoot('docs/bench-map.md'), text);
    }
  } finally {
    await app.close();
  }
});

/**
 * @param {import('../../e2e/page.mjs').App} app
 * @param {string} file
 */
async function measure(app, file) {
  const {page, trouble} = await app.open();
  await page.setViewportSize({width: 1280, height: 900});
  await page.waitForLoadState('networkidle');
  await watch(page);
  await drop(page, file);
  const soon = await firstMaps(page);
  const map = page.getByRole('region', {name: 'Host map'}).locator('.map-frame');
  await map.scrollIntoViewIfNeeded();
  const box = await map.boundingBox();
  if (box === null) {
    throw new Error('the map is not on the page');
  }
  const idle = await residentMiB(app);
  const moves = [];
  for (const {name, from, act} of movesOf(page, box.x + box.width / 2, box.y + box.height / 2)) {
    await from();
    await quiet(page);
    moves.push({name, ...(await frames(page, act))});
  }
  const most = await residentMiB(app);
  const select = await selection(page, box.x + box.width * 0.4, box.y + box.height * 0.6);
  if (trouble.length > 0) {
    throw new Error(trouble.join('\n'));
  }
  return {...soon, moves, select, memory: {idle, ...most}, painter: await map.getAttribute('data-painter')};
}

/**
 * Marks the verdict, and the frame after which each map has all that it shows.
 * @param {Page} page
 */
async function watch(page) {
  await page.evaluate(() => {
    const once = (/** @type {string} */ name) =>
      performance.getEntriesByName(name).length === 0 && requestAnimationFrame(() => performance.mark(name));
    new MutationObserver(() => {
      if (document.querySelector('[role=status][data-state=done]') !== null) {
        once('verdict');
      }
      for (const space of ['host', 'guest']) {
        if (document.querySelector(`.map-pane.${space} .map-frame[aria-busy=false]`) !== null) {
          once(`${space} map`);
        }
      }
    }).observe(document.body, {subtree: true, childList: true, attributes: true, attributeFilter: ['data-state', 'aria-busy']});
  });
}

/** @param {Page} page */
async function firstMaps(page) {
  await page.locator('.map-pane.guest .map-frame[aria-busy=false]').waitFor({timeout: 120_000});
  await page.waitForFunction(() => performance.getEntriesByName('guest map').length > 0);
  return page.evaluate(() => ({
    host: performance.measure('a', 'verdict', 'host map').duration,
    guest: performance.measure('b', 'verdict', 'guest map').duration,
  }));
}

/** @param {Page} page */
async function quiet(page) {
  await page.waitForTimeout(600);
  await page.waitForFunction(() => document.querySelector('.map-frame[aria-busy=true]') === null);
}

/**
 * What a user does with a map, one frame of the screen after the other.
 * @param {Page} page
 * @param {number} x
 * @param {number} y
 */
function movesOf(page, x, y) {
  const focus = () => page.getByRole('region', {name: 'Host map'}).locator('.map-frame').focus();
  const whole = async () => {
    await focus();
    await page.keyboard.press('0');
  };
  const zoomTo = (/** @type {number} */ steps) => async () => {
    await whole();
    await page.mouse.move(x, y);
    for (let i = 0; i < steps; i++) {
      await page.mouse.wheel(0, -220);
    }
  };
  const wheel = (/** @type {number} */ by) => async () => {
    await page.mouse.move(x, y);
    for (let i = 0; i < 100; i++) {
      await page.mouse.wheel(0, by);
    }
  };
  const drag = async () => {
    await page.mouse.move(x, y);
    await page.mouse.down();
    for (let i = 1; i <= 100; i++) {
      await page.mouse.move(x + 60 * Math.sin(i / 8), y + 60 * Math.cos(i / 8) - 60);
    }
    await page.mouse.up();
  };
  return [
    {name: 'zooming in from the whole to clusters', from: whole, act: wheel(-24)},
    {name: 'zooming out again', from: () => Promise.resolve(), act: wheel(24)},
    {name: 'panning, a cell of many clusters a few pixels', from: zoomTo(3), act: drag},
    {name: 'panning, clusters of 1 pixel', from: zoomTo(4), act: drag},
    {name: 'panning, clusters with letters', from: zoomTo(9), act: drag},
    {name: 'panning over bytes', from: zoomTo(17), act: drag},
  ];
}

/**
 * The frames of the screen while something is done, the script's time in them, and that of the whole main thread.
 * @param {Page} page
 * @param {() => Promise<void>} act
 */
async function frames(page, act) {
  const client = await page.context().newCDPSession(page);
  await client.send('Performance.enable');
  const counters = async () => {
    const {metrics} = await client.send('Performance.getMetrics');
    const of = (/** @type {string} */ name) => metrics.find((m) => m.name === name)?.value ?? Number.NaN;
    return {script: of('ScriptDuration'), task: of('TaskDuration')};
  };
  await page.evaluate(() => {
    /** @type {number[]} */
    const times = [];
    Object.assign(window, {frameTimes: times});
    const frame = (/** @type {number} */ time) => {
      times.push(time);
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
  const before = await counters();
  await page.evaluate(() => Reflect.get(window, 'frameTimes').splice(0));
  await act();
  const times = await page.evaluate(() => Reflect.get(window, 'frameTimes').slice());
  const after = await counters();
  await client.detach();
  const gaps = times.slice(1).map((/** @type {number} */ t, /** @type {number} */ i) => t - times[i]).sort((/** @type {number} */ a, /** @type {number} */ b) => a - b);
  const at = (/** @type {number} */ share) => gaps[Math.min(gaps.length - 1, Math.floor(share * gaps.length))] ?? Number.NaN;
  return {
    frames: gaps.length,
    median: at(0.5),
    slow: at(0.95),
    script: (1000 * (after.script - before.script)) / gaps.length,
    task: (1000 * (after.task - before.task)) / gaps.length,
  };
}

/**
 * From a click to what is known of the cluster, and to its outline on the other map.
 * @param {Page} page
 * @param {number} x
 * @param {number} y
 */
async function selection(page, x, y) {
  await page.getByRole('region', {name: 'Host map'}).locator('.map-frame').focus();
  await page.keyboard.press('0');
  await quiet(page);
  const from = Date.now();
  await page.mouse.click(x, y);
  await page.getByRole('region', {name: 'Inspector'}).getByText('Host offset').waitFor();
  return Date.now() - from;
}

/**
 * What the page's process holds now and has held at most, in MiB.
 * @param {import('../../e2e/page.mjs').App} app
 */
async function residentMiB(app) {
  const client = await app.browser.newBrowserCDPSession();
  const {processInfo} = await client.send('SystemInfo.getProcessInfo');
  await client.detach();
  const all = processInfo.filter((p) => p.type === 'renderer').map((p) => readFileSync(`/proc/${p.id}/status`, 'utf8'));
  const most = (/** @type {RegExp} */ what) => Math.max(...all.map((text) => Number(what.exec(text)?.[1] ?? 0))) / 1024;
  return {now: most(/^VmRSS:\s+(\d+) kB$/m), peak: most(/^VmHWM:\s+(\d+) kB$/m)};
}

/**
 * @param {Awaited<ReturnType<typeof machine>>} on
 * @param {Awaited<ReturnType<typeof measure>>} measured
 */
function report(on, {host, guest, moves, select, memory, painter}) {
  const ms = (/** @type {number} */ value) => value.toFixed(value < 10 ? 1 : 0);
  return `# The map with 2^24 clusters

Made by \`node scripts/bench/map.mjs --write\`; do not edit. A 1 TiB image with all its tables (preallocation=metadata), in
Chromium without a graphics card: WebGL2 (${painter}) is computed by the processor here, on ${on.cores} cores that page, core and browser
share. Frames on a graphics card were not measured; the script's time in a frame is the same there.

${on.date}, ${on.commit}, ${on.processor}, ${on.cores} cores, ${on.chromium}.

From the verdict to the whole map of the file: **${ms(host)} ms**; to that of the disk inside, for which all L2 tables are read:
${ms(guest)} ms. From a click on it to what is known of the cluster: ${select} ms.

| while | frames | median frame | slowest 5 % from | script of it | main thread of it |
|---|---|---|---|---|---|
${moves.map((m) => `| ${m.name} | ${m.frames} | ${ms(m.median)} ms | ${ms(m.slow)} ms | ${ms(m.script)} ms | ${ms(m.task)} ms |`).join('\n')}

Memory of the tab's process: ${Math.round(memory.idle.now)} MiB with both maps, ${Math.round(memory.now)} MiB after all of this, at most ${Math.round(memory.peak)} MiB.
`;
}
