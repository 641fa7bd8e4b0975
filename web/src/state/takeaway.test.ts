// @vitest-environment happy-dom
import {afterEach, beforeEach, expect, it, vi} from 'vitest';
import {fakePort, healthy, noProblem, plan, replies} from '../../test/fake-core';
import type {Replies} from '../../test/fake-core';
import {Engine} from '../engine/client';
import {Controller} from './controller';

const downloads: {name: string; blob: Blob}[] = [];

beforeEach(() => {
  downloads.length = 0;
  const blobs = new Map<string, Blob>();
  vi.spyOn(URL, 'createObjectURL').mockImplementation((blob) => {
    const address = `blob:${blobs.size}`;
    blobs.set(address, blob as Blob);
    return address;
  });
  vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(function (this: HTMLAnchorElement) {
    const blob = blobs.get(this.href);
    if (blob !== undefined) {
      downloads.push({name: this.download, blob});
    }
  });
});

afterEach(() => {
  vi.restoreAllMocks();
  Reflect.deleteProperty(window, 'showSaveFilePicker');
});

async function opened(change: Partial<Replies> = {}): Promise<Controller> {
  const engine = new Engine(() => fakePort(replies({check: () => healthy, plan: () => plan, ...change})), {first: 'engine.wasm', whole: 'engine.wasm'});
  const controller = new Controller(engine);
  await controller.open({file: new File(['bytes'], 'disk.qcow2', {lastModified: 1}), handle: null});
  return controller;
}

async function bytesOf(blob: Blob | undefined): Promise<number[]> {
  return blob === undefined ? [] : [...new Uint8Array(await blob.arrayBuffer())];
}

it('downloads a patch under its name', async () => {
  const asked: unknown[] = [];
  const controller = await opened({
    takeEnd: (request: never) => {
      asked.push(request);
      return {size: 0, skeleton: {tables: 0, data: 0, compressed: 0, unused: 0, bitmapData: 0, keys: false, names: 0, same: true}};
    },
  });
  await controller.takeaway.patch(false);
  await controller.takeaway.patch(true);
  expect(downloads.map(({name}) => name)).toEqual(['disk.patch.vcdiff', 'disk.undo.vcdiff']);
  expect(await bytesOf(downloads[0]?.blob)).toEqual([1, 2, 3, 4]);
  expect(controller.takeaway.taking.value).toMatchObject({step: 'saved', what: 'undo-patch', bytes: 4});
  expect(asked).toHaveLength(2);
});

it('packs a skeleton into an archive', async () => {
  const requests: unknown[] = [];
  const controller = await opened();
  const take = controller.engine.call.bind(controller.engine);
  vi.spyOn(controller.engine, 'call').mockImplementation((op, request) => {
    requests.push([op, request]);
    return take(op, request);
  });
  await controller.takeaway.skeleton(true, ['snapshots']);
  expect(requests[0]).toEqual(['take', {what: 'skeleton', keep: ['snapshots'], tar: 'skeleton.qcow2'}]);
  expect(downloads[0]?.name).toBe('disk.skeleton.tar.gz');
  const unpacked = downloads[0]?.blob.stream().pipeThrough(new DecompressionStream('gzip'));
  expect([...new Uint8Array(await new Response(unpacked).arrayBuffer())]).toEqual([1, 2, 3, 4]);
  expect(controller.takeaway.taking.value).toMatchObject({step: 'saved', copy: null, skeleton: {names: 1, same: true}});
});

it('never writes over the file that was opened', async () => {
  const controller = await opened();
  const createWritable = vi.fn();
  const same = {getFile: () => Promise.resolve(new File(['bytes'], 'disk.qcow2', {lastModified: 1})), createWritable};
  window.showSaveFilePicker = () => Promise.resolve(same as unknown as FileSystemFileHandle);
  await controller.takeaway.skeleton(false, []);
  expect(controller.takeaway.taking.value).toMatchObject({step: 'failed', problem: {kind: 'save', where: 'disk.qcow2'}});
  expect(createWritable).not.toHaveBeenCalled();
});

it('says why a piece could not be had', async () => {
  const controller = await opened({
    takeNext: () => {
      throw Object.assign(new Error(), {...noProblem, kind: 'read', title: 'unreadable'});
    },
  });
  await controller.takeaway.patch(false);
  expect(controller.takeaway.taking.value).toMatchObject({step: 'failed', what: 'patch', problem: {kind: 'read'}});
  expect(downloads).toEqual([]);
});

it('stops when it is told to, and another can be begun', async () => {
  const controller = await opened();
  const {takeaway} = controller;
  const forget = takeaway.taking.subscribe(() => {
    if (takeaway.taking.value.step === 'preparing') {
      takeaway.stop();
    }
  });
  const stopped = takeaway.patch(false);
  await stopped;
  forget();
  expect(downloads).toEqual([]);
  expect(controller.takeaway.taking.value.step).toBe('none');
  await controller.takeaway.patch(false);
  expect(downloads).toHaveLength(1);
});

it('forgets what was saved when another image is opened', async () => {
  const controller = await opened();
  await controller.takeaway.patch(false);
  await controller.open({file: new File(['other'], 'other.qcow2'), handle: null});
  expect(controller.takeaway.taking.value.step).toBe('none');
});

it.each([
  ['html', 'disk.report.html', 'text/html'],
  ['text', 'disk.report.txt', 'text/plain'],
  ['json', 'disk.report.json', 'application/json'],
] as const)('saves the report as %s', async (form, name, type) => {
  const controller = await opened();
  await controller.takeaway.report(form);
  expect(downloads).toMatchObject([{name, blob: {type}}]);
});
