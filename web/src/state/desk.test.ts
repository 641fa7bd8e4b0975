import {expect, it, vi} from 'vitest';
import {fakeAddress} from '../../test/fake-address';
import {fakePort, replies} from '../../test/fake-core';
import {Engine} from '../engine/client';
import {Controller} from './controller';
import {Desk, MAX_IMAGES} from './desk';

/** A desk, and how many cores it has running. */
function desk() {
  let running = 0;
  const spawn = () => {
    running++;
    return {...fakePort(replies()), end: () => running--};
  };
  const address = fakeAddress('#v=map');
  const make = () => new Controller(new Engine(spawn, {first: 'engine.wasm', whole: 'engine.wasm'}), address);
  return {desk: new Desk(make), running: () => running, address};
}

const named = (name: string) => ({file: new File(['QFI\xfb'], name), handle: null});
const names = (of: Desk) =>
  of.state.value.places.map(({controller: {session}}) => (session.value.step === 'empty' ? '' : session.value.file.name));
const shown = (of: Desk) => of.state.value.places.indexOf(of.state.value.current);

it('opens the first image where nothing is, and others beside it', async () => {
  const {desk: all, running} = desk();
  await all.open([named('a'), named('b')]);
  expect([names(all), shown(all)]).toEqual([['a', 'b'], 0]);
  await all.open([named('c')]);
  expect([names(all), shown(all), running()]).toEqual([['a', 'b', 'c'], 2, 3]);
});

it('closes an image with its core, and shows its neighbour', async () => {
  const {desk: all, running} = desk();
  await all.open([named('a'), named('b'), named('c')]);
  const [a, b, c] = all.state.value.places.map(({id}) => id) as [number, number, number];
  all.select(b);
  all.close(b);
  expect([names(all), shown(all), running()]).toEqual([['a', 'c'], 1, 2]);
  all.close(a);
  expect([names(all), shown(all)]).toEqual([['c'], 0]);
  all.close(c);
  expect([names(all), all.current.session.value.step]).toEqual([[''], 'empty']);
  await all.open([named('d')]);
  expect(names(all)).toEqual(['d']);
});

it('takes the colours along', async () => {
  const {desk: all} = desk();
  await all.open([named('a'), named('b')]);
  all.current.change({theme: 'dark'});
  all.select(all.state.value.places[1]?.id ?? -1);
  expect(all.current.view.value.theme).toBe('dark');
});

it('has an end: memory is not', async () => {
  const {desk: all} = desk();
  await all.open(Array.from({length: MAX_IMAGES + 2}, (_, i) => named(`${i}`)));
  expect(names(all)).toHaveLength(MAX_IMAGES);
  expect(all.current.view.value.notice?.text).toContain(`open ${MAX_IMAGES} again`);
});

it('has the address tell of the image that is shown, and no link lead into another', async () => {
  const {desk: all, address} = desk();
  await all.open([named('a'), named('b')]);
  const [a, b] = all.state.value.places;
  expect([a?.controller.links.arrived.value?.panel, b?.controller.links.arrived.value]).toEqual(['map', null]);
  const rest = () => new Promise((resolve) => setTimeout(resolve, 500));
  await rest();
  const before = address.replaced();
  b?.controller.change({mapAs: 'table'});
  await rest();
  expect(address.replaced()).toBe(before);
  all.select(b?.id ?? -1);
  await vi.waitFor(() => expect(address.replaced()).toBeGreaterThan(before));
});
