// @vitest-environment happy-dom
import {render} from 'preact';
import {act} from 'preact/test-utils';
import {afterEach, beforeEach, describe, expect, it, vi} from 'vitest';
import {fakeAddress} from '../../test/fake-address';
import {fakePort, info, noProblem, plan, replies, verdict} from '../../test/fake-core';
import type {Replies} from '../../test/fake-core';
import {Engine} from '../engine/client';
import type {OpenReply, PlanRequest, Verdict} from '../protocol/protocol.gen';
import {Controller} from '../state/controller';
import {Desk} from '../state/desk';
import {Fleet} from '../state/fleet';
import {Updates} from '../state/updates';
import {App} from './app';

const disk = new File(['QFI\xfb'], 'disk.qcow2');

beforeEach(() => {
  localStorage.clear();
  // There is no server: the list of samples is not there.
  vi.stubGlobal('fetch', () => Promise.resolve(new Response('', {status: 404})));
});

afterEach(async () => {
  // Only so are listeners of this page gone before the next.
  await act(() => render(null, document.body));
  vi.unstubAllGlobals();
});

/** The page with a core that replies so. */
function page(change: Partial<Replies> = {}): Controller {
  const controller = new Controller(new Engine(() => fakePort(replies(change)), {first: 'engine.wasm', whole: 'engine.wasm'}), fakeAddress());
  render(<App desk={new Desk(() => controller)} fleet={new Fleet(null)} updates={new Updates()} />, document.body);
  return controller;
}

async function opened(change: Partial<Replies> = {}): Promise<Controller> {
  const controller = page(change);
  await controller.open({file: disk, handle: null});
  await see(() => expect(status().dataset['state']).toBe('done'));
  return controller;
}

function see(expectation: () => void): Promise<void> {
  return vi.waitFor(expectation);
}

function element(selector: string): HTMLElement {
  const found = document.querySelector<HTMLElement>(selector);
  if (found === null) {
    throw new Error(`nothing is ${selector}`);
  }
  return found;
}

const status = () => element('[role=status]');
const region = (name: string) => element(`section[aria-label="${name}"]`);
const buttons = (name: string) =>
  [...document.querySelectorAll('button')].filter((button) => button.textContent.trim() === name);

async function press(name: string): Promise<void> {
  await see(() => expect(buttons(name)).toHaveLength(1));
  buttons(name)[0]?.click();
}

function key(name: string): void {
  document.body.dispatchEvent(new KeyboardEvent('keydown', {key: name, bubbles: true, cancelable: true}));
}

describe('before there is an image', () => {
  it('says so, and offers to choose one', async () => {
    page();
    expect(status().dataset['state']).toBe('empty');
    expect(document.querySelectorAll('input[type=file][aria-label="Choose image"]')).toHaveLength(1);
    await see(() => expect(document.body.textContent).toContain('samples could not be loaded'));
  });
});

describe('an image', () => {
  it('goes through opening and checking to a verdict', async () => {
    let open: (value: OpenReply) => void = () => undefined;
    let check: (value: Verdict) => void = () => undefined;
    const controller = page({
      open: () => new Promise((resolve) => (open = resolve)),
      check: () => new Promise((resolve) => (check = resolve)),
    });
    const done = controller.open({file: disk, handle: null});
    await see(() => expect(status().dataset['state']).toBe('opening'));
    open({opened: true, info, problem: noProblem});
    await see(() => expect(status().dataset['state']).toBe('checking'));
    expect(buttons('Cancel')).toHaveLength(1);
    check(verdict({}));
    await done;
    await see(() => expect(status().dataset['state']).toBe('done'));
    expect([status().dataset['verdict'], status().dataset['exit']]).toEqual(['damaged', '2']);
    expect(status().textContent).toContain('Do not start this VM.');
  });

  it('shows every part at once, by its name', async () => {
    await opened();
    for (const name of ['Summary', 'Host map', 'Inspector', 'Findings', 'Plan', 'Save']) {
      expect(region(name)).toBeTruthy();
    }
    expect(region('Summary').textContent).toContain('qemu-img check: exit 2');
  });

  it('that cannot be opened says why and what to do', async () => {
    const problem = {...noProblem, kind: 'not-qcow2', title: 'This is a VMDK disk.', advice: 'Convert it with `x`.'};
    const controller = page({open: () => ({opened: false, info, problem})});
    await controller.open({file: disk, handle: null});
    await see(() => expect(status().dataset['state']).toBe('failed'));
    expect(status().textContent).toContain('This is a VMDK disk.');
    expect(document.querySelector('.failed code')?.textContent).toBe('x');
  });

  it('is held apart from the page by its names', async () => {
    const backingFile = '<b>x</b>\u202egnp\u0007';
    const named = {...info, backingFile};
    await opened({open: () => ({opened: true, info: named, problem: noProblem})});
    const note = element('[role=note]');
    expect(note.querySelector('b')).toBeNull();
    expect(note.querySelector('bdi')?.textContent).toBe('<b>x</b>\u27e8U+202E\u27e9gnp\u2407');
  });

  it('that changed on disk is not to be trusted', async () => {
    const controller = page();
    const newer = new File(['other'], 'disk.qcow2');
    const handle = {getFile: () => Promise.resolve(newer)} as unknown as FileSystemFileHandle;
    await controller.open({file: disk, handle});
    await see(() => expect(element('.bar.changed').textContent).toContain('changed while it was open'));
  });
});

describe('a check that was stopped', () => {
  it('shows what was found and can be done again', async () => {
    const problem = {...noProblem, kind: 'cancelled', title: 'Cancelled.'};
    const check = vi.fn(() => verdict({incomplete: true, repairable: false, problem}));
    await opened({check});
    expect(status().textContent).toContain('Check not finished');
    expect(region('Findings').textContent).toContain('Clusters in use are marked free');
    await press('Check again');
    await see(() => expect(check).toHaveBeenCalledTimes(2));
  });
});

describe('a repair', () => {
  it('is a plan, then applied, then undone', async () => {
    const asked: PlanRequest[] = [];
    await opened({
      plan: (request: PlanRequest) => {
        asked.push(request);
        return plan;
      },
    });
    await press('Repair');
    await see(() => expect(region('Plan').textContent).toContain('Raise refcounts'));
    await see(() => expect(region('Plan').querySelector('ins')?.textContent).toBe('01'));
    expect(buttons('Save repaired image')).toHaveLength(0);

    await press('Apply repair');
    await see(() => expect(status().dataset['verdict']).toBe('healthy'));
    expect(status().dataset['exit']).toBe('0');
    expect(element('.bar.after').textContent).toContain('after the repair');
    expect(buttons('Save repaired image')).toHaveLength(1);

    await press('Undo');
    await see(() => expect(status().dataset['verdict']).toBe('damaged'));
    expect(document.querySelector('.bar.after')).toBeNull();
    await see(() => expect(buttons('Apply repair')).toHaveLength(1));
    expect(asked).toEqual([
      {scope: 'all', accept: [], leave: [], redirect: false},
      {scope: 'all', accept: [], leave: [], redirect: false},
    ]);
  });

  it('asks before it gives something up', async () => {
    const lossy = {...verdict({}).groups[0], code: 'l2-garbage', consent: 'The guest reads zeros there.'};
    const asked: PlanRequest[] = [];
    await opened({
      plan: (request: PlanRequest) => {
        asked.push(request);
        return {...plan, left: request.accept.length === 0 ? [lossy as never] : []};
      },
    });
    await press('Repair');
    await see(() => expect(region('Plan').textContent).toContain('The guest reads zeros there.'));
    region('Plan').querySelector<HTMLInputElement>('.consents input')?.click();
    await see(() => expect(asked.at(-1)).toEqual({scope: 'all', accept: ['l2-garbage'], leave: [], redirect: false}));
  });

  it('names what is lost for good', async () => {
    const lost = [{guest: '0x500000', length: '0x80000'}];
    await opened({plan: () => ({...plan, lost, lostBytes: 0x80000})});
    await press('Repair');
    await see(() => expect(region('Plan').textContent).toContain('512 KiB of the virtual disk'));
    expect(region('Plan').textContent).toContain('0x500000');
  });

  it('that fails says why and can be tried again', async () => {
    const problem = {...noProblem, kind: 'read', title: 'The file could not be read at 0x10000.'};
    await opened({
      plan: () => {
        // eslint-disable-next-line @typescript-eslint/only-throw-error -- the fake core's way to fail
        throw problem;
      },
    });
    await press('Repair');
    await see(() => expect(region('Plan').textContent).toContain('could not be read at 0x10000'));
    expect(buttons('Repair')).toHaveLength(1);
  });
});

describe('keys', () => {
  it('go to the parts of the page', async () => {
    await opened();
    key('3');
    expect(document.activeElement?.id).toBe('findings');
    key('2');
    expect(document.activeElement?.id).toBe('map');
  });

  it('go through the findings, worst first, and show them in the inspector', async () => {
    const controller = await opened();
    key('n');
    await see(() => expect(region('Inspector').textContent).toContain('Cluster 7'));
    await see(() => expect(region('Findings').textContent).toContain('refcount-too-low number 0'));
    expect(controller.view.value.finding).toEqual({code: 'refcount-too-low', index: 0});
    key('n');
    await see(() => expect(region('Inspector').textContent).toContain('Cluster 8'));
  });

  it('turn the map into a table', async () => {
    await opened();
    key('t');
    await see(() => expect(region('Host map').querySelector('tbody')?.textContent).toContain('Data'));
  });

  it('can be switched off', async () => {
    const controller = await opened();
    controller.change({singleKeys: false});
    element('#summary').focus();
    key('3');
    expect(document.activeElement?.id).toBe('summary');
  });
});

describe('the filter', () => {
  it('leaves the kinds that hold its words', async () => {
    const controller = await opened();
    const shown = () => [...document.querySelectorAll('.group-title')].map((title) => title.textContent);
    expect(shown()).toEqual(['Clusters in use are marked free', 'Leaked clusters']);
    controller.change({filter: {severities: [], text: 'leaked', code: ''}});
    await see(() => expect(shown()).toEqual(['Leaked clusters']));
  });
});
