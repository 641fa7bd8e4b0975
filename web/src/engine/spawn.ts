import * as Comlink from 'comlink';
import type {EngineApi, EngineEvents} from './api';
import type {Port} from './client';

/** Starts the worker with the Go core. */
export function spawnWorker(broken: (detail: string) => void): Port {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {type: 'module', name: 'qcowscope engine'});
  worker.addEventListener('error', (event) => {
    event.preventDefault();
    broken(event.message || 'the worker script could not be loaded');
  });
  const remote = Comlink.wrap(worker) as unknown as EngineApi;
  return {
    api: {
      // Functions cannot be cloned: the events go as a proxy.
      start: (wasmUrl: string, events: EngineEvents) => remote.start(wasmUrl, Comlink.proxy(events)),
      attach: (file) => remote.attach(file),
      attachBeside: (number, file) => remote.attachBeside(number, file),
      call: (op, request) => remote.call(op, request),
      cancel: () => remote.cancel(),
      repaired: () => remote.repaired(),
    },
    end: () => {
      worker.terminate();
    },
  };
}
