import {chromium} from 'playwright-core';
import {findChromium} from '../scripts/setup.mjs';
import {pageDir} from '../scripts/paths.mjs';
import {serve} from '../scripts/serve.mjs';

/** How long a check of a test image may take before the test gives up on it. */
const patience = 60_000;

/**
 * Parts of the browser that are not to be there. The first two lines are pages that it prepares beside every window
 * and nobody sees, a third of all work; the rest is what playwright leaves out of it, said again since the last word counts.
 */
const withoutFeatures = [
  'WebUIOmniboxPopup', 'WebUIOmniboxAimPopup', 'WebUIOmniboxFullPopup',
  'SpareRendererForSitePerProcess',
  'AvoidUnnecessaryBeforeUnloadCheckSync', 'DestroyProfileOnBrowserClose', 'HttpsUpgrades', 'HttpsFirstBalancedModeAutoEnable',
  'LensOverlay', 'MediaRouter', 'PaintHolding', 'ThirdPartyStoragePartitioning', 'OptimizationHints', 'AimEnabled', 'PreconnectToSearch',
];

const chromiumArgs = [
  `--disable-features=${withoutFeatures.join(',')}`,
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

/**
 * @typedef {import('playwright-core').Browser} Browser
 * @typedef {import('playwright-core').Page} Page
 */

/**
 * The built page in Chromium.
 * @typedef {object} App
 * @property {string} url
 * @property {Browser} browser
 * @property {(picker?: 'none' | 'private') => Promise<Watched>} open a fresh page with its own watch
 * @property {() => Promise<void>} close
 */

/**
 * A page, and a watch on what it must never do.
 * @typedef {object} Watched
 * @property {Page} page
 * @property {string[]} trouble exceptions, console errors, refused loads: empty in a good run
 * @property {{url: string, method: string, body: string}[]} requests every request so far
 */

/**
 * What the status region says of the image.
 * @typedef {object} Status
 * @property {string | null} state
 * @property {string | null} verdict
 * @property {string | null} exit
 * @property {string} text
 */

/**
 * @param {string} [elsewhere] the address of a server that is there already
 * @returns {Promise<App>}
 */
export async function launch(elsewhere) {
  const executablePath = findChromium();
  if (executablePath === undefined) {
    throw new Error('Chromium is not installed: apt-get install chromium, or set CHROMIUM');
  }
  const server = elsewhere === undefined ? await serve({folder: pageDir, port: 0}) : {url: elsewhere, close: () => Promise.resolve()};
  const browser = await chromium.launch({executablePath, args: chromiumArgs});
  return {
    url: server.url,
    browser,
    open: (picker = 'none') => openPage(browser, server.url, picker),
    async close() {
      await browser.close();
      await server.close();
    },
  };
}

/**
 * @param {Browser} browser
 * @param {string} url
 * @param {'none' | 'private'} picker what stands in for the dialog that asks where to save, which
 *   cannot be driven without a screen: none, so that the page downloads, or the origin's private folder
 * @returns {Promise<Watched>}
 */
async function openPage(browser, url, picker) {
  // The page's own copy of itself has a test of its own; elsewhere it would only take time.
  const context = await browser.newContext({acceptDownloads: true, serviceWorkers: 'block'});
  context.setDefaultTimeout(patience);
  const page = await context.newPage();
  /** @type {Watched} */
  const watched = {page, trouble: [], requests: []};
  page.on('pageerror', (e) => watched.trouble.push(`exception: ${e.message}`));
  page.on('crash', () => watched.trouble.push('the page crashed'));
  page.on('console', (message) => {
    if (message.type() === 'error') {
      watched.trouble.push(`console: ${message.text()}`);
    }
  });
  context.on('request', (request) => {
    watched.requests.push({url: request.url(), method: request.method(), body: request.postData() ?? ''});
  });
  await page.addInitScript((name) => {
    Reflect.deleteProperty(window, 'showSaveFilePicker');
    if (name === 'private') {
      Object.assign(window, {
        showSaveFilePicker: async (/** @type {{suggestedName: string}} */ {suggestedName}) =>
          (await navigator.storage.getDirectory()).getFileHandle(suggestedName, {create: true}),
      });
    }
  }, picker);
  await page.goto(url);
  return watched;
}

/**
 * Chooses a file by the button, and waits for the verdict or the reason why there is none.
 * @param {Page} page
 * @param {string} file
 */
export async function choose(page, file) {
  const checked = await nextCheck(page);
  await page.getByLabel('Choose image').setInputFiles(file);
  await checked();
  return settled(page);
}

/**
 * Drops a file on the page as the desktop does: the browser makes the events itself.
 * @param {Page} page
 * @param {string} file
 */
export async function drop(page, file) {
  const checked = await nextCheck(page);
  const client = await page.context().newCDPSession(page);
  const data = {items: [], files: [file], dragOperationsMask: 1};
  for (const type of /** @type {const} */ (['dragEnter', 'dragOver', 'drop'])) {
    await client.send('Input.dispatchDragEvent', {type, x: 200, y: 200, data});
  }
  await client.detach();
  await checked();
  return settled(page);
}

/**
 * Looks out for the next check, so that the verdict of an image before is not taken for it.
 * @param {Page} page
 * @returns {Promise<() => Promise<void>>} waits until that check has begun and ended
 */
async function nextCheck(page) {
  const check = await page.evaluateHandle(() => {
    let begun = false;
    const ended = new Promise((resolve) => {
      new MutationObserver((_, observer) => {
        const state = document.querySelector('[role=status][data-state]')?.getAttribute('data-state');
        begun ||= state === 'opening' || state === 'checking';
        if (begun && (state === 'done' || state === 'failed')) {
          observer.disconnect();
          resolve(undefined);
        }
      }).observe(document.body, {subtree: true, childList: true, attributeFilter: ['data-state']});
    });
    return {ended};
  });
  return async () => {
    await check.evaluate(({ended}) => ended);
    await check.dispose();
  };
}

/**
 * Waits until the page is done with what it does, and reads the status region.
 * @param {Page} page
 * @returns {Promise<Status>}
 */
export async function settled(page) {
  const status = page.locator('[role=status][data-state]');
  await page.locator('[role=status][data-state=done], [role=status][data-state=failed]').waitFor({timeout: patience});
  return {
    state: await status.getAttribute('data-state'),
    verdict: await status.getAttribute('data-verdict'),
    exit: await status.getAttribute('data-exit'),
    text: await status.innerText(),
  };
}

/**
 * Repair, Apply repair: the verdict of the repaired image.
 * @param {Page} page
 */
export async function repair(page) {
  await page.getByRole('button', {name: 'Repair', exact: true}).click();
  await page.getByRole('button', {name: 'Apply repair', exact: true}).click();
  await page.getByRole('button', {name: 'Undo', exact: true}).waitFor({timeout: patience});
  return settled(page);
}

/**
 * Saves something as a download.
 * @param {Page} page
 * @param {string} to where the download goes
 * @param {string} [button] its name
 */
export async function save(page, to, button = 'Save repaired image') {
  const [download] = await Promise.all([
    page.waitForEvent('download', {timeout: patience}),
    page.getByRole('button', {name: button, exact: true}).click(),
  ]);
  await download.saveAs(to);
}

/**
 * Makes reads of the image hang in the page's worker after the first few, as a drive does that
 * went to sleep. The worker is patched as it starts, before it can read.
 * @param {Page} page
 * @param {number} reads
 */
export async function hangReadsAfter(page, reads) {
  if (page.workers().length === 0) {
    await page.waitForEvent('worker', {timeout: patience});
  }
  for (const worker of page.workers()) {
    await worker.evaluate((left) => {
      const read = Blob.prototype.arrayBuffer;
      Blob.prototype.arrayBuffer = function () {
        return left-- > 0 ? read.call(this) : new Promise(() => undefined);
      };
    }, reads);
  }
}
