import type {Result} from '../base/result';
import {patchName, reportName, skeletonArchiveName, skeletonName, undoPatchName} from '../model/names';
import type {Problem, SkeletonView, TakeRequest, TakeView} from '../protocol/protocol.gen';
import type {Controller} from './controller';
import {askPlace, download, isOriginal, notSaved, overOriginal} from './saving';
import {BlobSink, FileSink, GzipSink} from './sinks';
import type {Sink} from './sinks';
import {Store} from './store';

/** A file that is made by the core piece by piece. */
export type What = 'patch' | 'undo-patch' | 'skeleton';

/** How far it is. */
export type Taking =
  | {step: 'none'}
  | {step: 'preparing'; what: What}
  | {step: 'writing'; what: What; written: number; total: number}
  | {step: 'saved'; what: What; name: string; bytes: number; copy: File | null; skeleton: SkeletonView | null}
  | {step: 'failed'; what: What; problem: Problem};

/** A report is small: it comes whole. */
type ReportForm = 'json' | 'html' | 'text';

const REPORTS: Record<ReportForm, {suffix: string; type: string}> = {
  json: {suffix: 'json', type: 'application/json'},
  html: {suffix: 'html', type: 'text/html'},
  text: {suffix: 'txt', type: 'text/plain'},
};

/** Takes files out of the page beside the image itself: patches, copies without data, reports. One at a time. */
export class Takeaway {
  readonly taking = new Store<Taking>({step: 'none'});
  private abort = new AbortController();

  constructor(private readonly controller: Controller) {
    controller.session.subscribe(() => {
      const {step} = controller.session.value;
      if (step === 'opening' || step === 'empty' || step === 'failed') {
        this.stop();
        this.taking.set({step: 'none'});
      }
    });
  }

  async patch(undo: boolean): Promise<void> {
    const name = this.named(undo ? undoPatchName : patchName);
    if (name !== null && !(await this.controller.lookForChange())) {
      const sink = () => Promise.resolve(new BlobSink('application/octet-stream'));
      await this.take({what: undo ? 'undo-patch' : 'patch', keep: [], tar: ''}, name, sink);
    }
  }

  /** A copy without data: as an archive, which is small, or as an image where the user says. */
  async skeleton(archive: boolean, keep: string[]): Promise<void> {
    const name = this.named(archive ? skeletonArchiveName : skeletonName);
    const place = name === null || archive ? 'none' : await askPlace(name);
    if (name === null || place === null || (await this.controller.lookForChange())) {
      return;
    }
    const {original} = this.controller;
    if (place !== 'none' && original !== null && (await isOriginal(place, original))) {
      this.taking.set({step: 'failed', what: 'skeleton', problem: overOriginal(original.file.name)});
      return;
    }
    const sink = () => {
      if (archive) {
        return Promise.resolve(new GzipSink('application/gzip'));
      }
      return place === 'none' ? Promise.resolve(new BlobSink('application/octet-stream')) : FileSink.to(place);
    };
    await this.take({what: 'skeleton', keep, tar: archive ? 'skeleton.qcow2' : ''}, name, sink);
  }

  async report(form: ReportForm): Promise<void> {
    const name = this.named((image) => reportName(image, REPORTS[form].suffix));
    if (name === null) {
      return;
    }
    const when = new Date().toISOString().replace('T', ' ').replace(/\..*/, ' UTC');
    const text =
      form === 'json'
        ? await this.controller.engine.call('report', undefined)
        : await this.controller.engine.call('reportFile', {form, when});
    if (text.ok) {
      download(new Blob([text.value], {type: REPORTS[form].type}), name);
    } else {
      this.controller.change({notice: {title: text.error.title, text: text.error.advice}});
    }
  }

  stop(): void {
    this.abort.abort();
  }

  private named(nameOf: (image: string) => string): string | null {
    const session = this.controller.session.value;
    const {step} = this.taking.value;
    return session.step === 'open' && step !== 'preparing' && step !== 'writing' ? nameOf(session.file.name) : null;
  }

  private async take(request: TakeRequest & {what: What}, name: string, open: () => Promise<Sink>): Promise<void> {
    const {signal} = (this.abort = new AbortController());
    const {what} = request;
    const tell = (taking: Taking) => {
      if (!signal.aborted) {
        this.taking.set(taking);
      }
    };
    tell({step: 'preparing', what});
    const stopped = () => void this.controller.engine.cancel();
    signal.addEventListener('abort', stopped);
    const made = await this.collect(request, open, tell, signal).catch((error: unknown) => fail(notSaved(error)));
    signal.removeEventListener('abort', stopped);
    await this.controller.engine.call('takeEnd', undefined);
    if (signal.aborted) {
      this.taking.set({step: 'none'});
    } else if (!made.ok) {
      this.taking.set({step: 'failed', what, problem: made.error});
    } else {
      const {file, view} = made.value;
      const copy = file instanceof File ? file : null;
      if (copy === null) {
        download(file, name);
      }
      const skeleton = what === 'skeleton' ? view.skeleton : null;
      this.taking.set({step: 'saved', what, name: copy?.name ?? name, bytes: file.size, copy, skeleton});
    }
  }

  private async collect(
    request: TakeRequest & {what: What},
    open: () => Promise<Sink>,
    tell: (taking: Taking) => void,
    signal: AbortSignal,
  ): Promise<Result<{file: Blob; view: TakeView}, Problem>> {
    const {engine} = this.controller;
    const view = await engine.call('take', request);
    if (!view.ok) {
      return view;
    }
    const sink = await open();
    try {
      for (let written = 0; ; ) {
        const piece = await engine.call('takeNext', undefined);
        if (!piece.ok) {
          await sink.abort();
          return piece;
        }
        signal.throwIfAborted();
        if (piece.value.starts.length === 0) {
          return {ok: true, value: {file: await sink.close(), view: view.value}};
        }
        written += piece.value.lengths.reduce((sum, length) => sum + length, 0);
        await sink.write(piece.value);
        tell({step: 'writing', what: request.what, written, total: view.value.size});
      }
    } catch (error) {
      await sink.abort();
      throw error;
    }
  }
}

function fail(error: Problem): {ok: false; error: Problem} {
  return {ok: false, error};
}
