import {afterEach, beforeEach, describe, expect, it, vi} from 'vitest';
import {fakeAddress} from '../../test/fake-address';
import type {FakeAddress} from '../../test/fake-address';
import {fakePort, replies} from '../../test/fake-core';
import {Engine} from '../engine/client';
import {jumped} from '../model/hexplace';
import {inFile} from '../model/map/place';
import {Controller} from './controller';

const disk = new File(['QFI\xfb'], 'secret-name.qcow2');

beforeEach(() => {
  vi.stubGlobal('localStorage', {getItem: () => null, setItem: () => undefined});
});

afterEach(() => {
  vi.unstubAllGlobals();
});

function page(fragment = ''): {controller: Controller; address: FakeAddress} {
  const address = fakeAddress(fragment);
  return {controller: new Controller(new Engine(() => fakePort(replies({})), {first: 'engine.wasm', whole: 'engine.wasm'}), address), address};
}

const open = (controller: Controller) => controller.open({file: disk, handle: null});

describe('the fragment', () => {
  it('follows the place, at most once for many changes', async () => {
    const {controller, address} = page();
    await open(controller);
    for (let at = 1n; at <= 50n; at++) {
      controller.hex.update((place) => jumped(place, at));
    }
    controller.links.panel.set('hex');
    controller.change({selected: inFile(3), hexAs: 'fields'});
    await vi.waitFor(() => expect(address.fragment()).toBe('#v=hex&o=0x32&hex=fields&c=3'));
    expect(address.replaced()).toBe(1);
    expect(controller.links.current('map')).toBe('https://page.example/#v=map&o=0x32&hex=fields&c=3');
    expect(address.fragment()).not.toContain('secret');
  });

  it('stays as it is until there is an image', () => {
    const {controller, address} = page('#v=hex&o=0x30');
    controller.links.panel.set('hex');
    expect(controller.links.waiting.value?.byte).toBe(0x30n);
    expect(address.replaced()).toBe(0);
  });
});

describe('a link', () => {
  it('waits for an image, and is followed once', async () => {
    const {controller} = page('#v=hex&o=0x140000&c=20&map=table&side=other&f=leaked-cluster.1');
    await open(controller);
    expect(controller.hex.value).toMatchObject({cursor: 0x140000n, other: true, back: [0n]});
    expect(controller.view.value).toMatchObject({selected: inFile(20), mapAs: 'table', finding: {code: 'leaked-cluster', index: 1}, notice: null});
    expect(controller.links.arrived.value).toEqual({panel: 'hex'});
    expect(controller.links.waiting.value).toBeNull();
    await open(controller);
    expect(controller.hex.value.cursor).toBe(0n);
  });

  it('is followed at once when there is an image', async () => {
    const {controller, address} = page();
    await open(controller);
    address.type('#v=map&c=2');
    await vi.waitFor(() => expect(controller.view.value.selected).toEqual(inFile(2)));
    expect(controller.links.arrived.value).toEqual({panel: 'map'});
  });

  it('brings the looks of the maps along', async () => {
    const {controller, address} = page('#v=map&show=guest&by=health');
    await open(controller);
    expect(controller.map.choices.value).toMatchObject({show: 'guest', by: 'health', layer: 0});
    controller.map.change({order: 'hilbert'});
    await vi.waitFor(() => expect(address.fragment()).toContain('show=guest&by=health&order=hilbert'));
  });

  it.each(['#v=hex&o=0x7fffffffffffffff', '#v=map&c=999999999', '#v=map&g=99.0', '#v=map&g=0.999999999999', '#v=map&layer=99', '#v=findings&f=no-such-code.0', '#v=findings&f=refcount-zero.99999'])(
    '%s, which leads out of the image, says so',
    async (fragment) => {
      const {controller} = page(fragment);
      await open(controller);
      expect(controller.view.value).toMatchObject({selected: null, finding: null});
      expect(controller.hex.value.cursor).toBe(0n);
      expect(controller.view.value.notice?.title).toContain('does not have');
    },
  );
});
