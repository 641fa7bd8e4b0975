// @vitest-environment happy-dom
import {beforeEach, describe, expect, it, vi} from 'vitest';
import {fakePort, replies} from '../../test/fake-core';
import type {Replies} from '../../test/fake-core';
import {planReply} from '../../test/fake-write';
import {Engine} from '../engine/client';
import type {WriteRequest} from '../protocol/protocol.gen';
import {Controller} from './controller';
import {changeMarks, changeWords} from './session';

const request: WriteRequest = {offset: 4096, length: 512, kind: 'write', unmap: false, fill: 0x5a};

async function opened(change: Partial<Replies> = {}): Promise<Controller> {
  const controller = new Controller(new Engine(() => fakePort(replies(change)), {first: 'engine.wasm', whole: 'engine.wasm'}));
  await controller.open({file: new File(['QFI\xfb'], 'disk.qcow2'), handle: null});
  await vi.waitFor(() => expect(controller.session.value.step).toBe('open'));
  return controller;
}

beforeEach(() => localStorage.clear());

describe('a write', () => {
  it('is one more change, and names what is saved', async () => {
    const applied = vi.fn(replies().writeApply);
    const controller = await opened({writePlan: () => planReply({}), writeApply: applied});
    await controller.writing.apply(request, 'write of guest 0x1000+0x200');
    expect(applied).toHaveBeenCalledWith({write: request, redirect: false});
    const session = controller.session.value;
    if (session.step !== 'open') {
      throw new Error(session.step);
    }
    expect(session.changes.at(-1)?.change).toEqual({kind: 'write', words: 'write of guest 0x1000+0x200', requests: [request]});
    expect([changeMarks(session), changeWords(session)]).toEqual([['written'], 'the write']);
  });

  it('is applied with those that were in flight with it', async () => {
    const controller = await opened();
    const events = [{finish: 0, write: request}, {finish: 0, write: {...request, offset: 0}}, {finish: 1, write: request}, {finish: 2, write: request}];
    await controller.writing.applyQueue(events);
    const session = controller.session.value;
    const change = session.step === 'open' ? session.changes.at(-1)?.change : undefined;
    expect(change).toMatchObject({kind: 'write', words: '2 writes that were in flight at once', requests: [request, {...request, offset: 0}]});
  });

  it('is picked for one image, and stays picked while that is changed', async () => {
    const controller = await opened();
    controller.writing.picked.set({request, cluster: 7});
    await controller.writing.apply(request, 'a write');
    expect(controller.writing.picked.value.cluster).toBe(7);
    controller.close();
    expect(controller.writing.picked.value).toEqual({request: null, cluster: 0});
  });
});
