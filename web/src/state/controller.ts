import type {Result} from '../base/result';
import type {Engine} from '../engine/client';
import {byteOfFinding, clusterOf, nextPlace, placesIn, shownGroups, sortedGroups} from '../model/findings';
import type {FindingPlace} from '../model/findings';
import {HEX_START, jumped} from '../model/hexplace';
import type {HexPlace} from '../model/hexplace';
import {inFile} from '../model/map/place';
import {changedName, crashName, planName, undoPlanName} from '../model/names';
import type {Request} from '../protocol/ops';
import type {CrashStateRequest, PlanRequest, Problem} from '../protocol/protocol.gen';
import {Links, windowAddress} from './links';
import type {Address} from './links';
import {MapDesk} from './mapdesk';
import {fetchSample, sampleMissing} from './samples';
import type {Sample} from './samples';
import {askPlace, download, everyTenth, streamTo} from './saving';
import {changeMarks, currentInfo, currentVerdict, isApplied, isBusy, nextSession} from './session';
import type {Change, OpenSession, Session, SessionEvent} from './session';
import {Store} from './store';
import {Takeaway} from './takeaway';
import {imageView, initialView, keepSettings} from './view';
import type {Saving, View} from './view';
import {changeOf} from './watch';
import type {Source} from './watch';
import {Writing} from './write';

/** What applies a plan. */
type ApplyOp = 'apply' | 'labApply' | 'crashOpen' | 'writeApply' | 'writeQueueApply';

/** Everything that a user can do, turned into calls of the core and events of the session. */
export class Controller {
  readonly session = new Store<Session>({step: 'empty'});
  readonly view = new Store<View>(initialView());
  readonly hex = new Store<HexPlace>(HEX_START);
  /** What the maps of the file and of the disk share. */
  readonly map: MapDesk;
  /** What is taken out of the page beside the image itself. */
  readonly takeaway: Takeaway;
  readonly writing: Writing;
  /** The place in the page's address. */
  readonly links: Links;

  private source: Source | null = null;
  /** Grows with every image: answers about an earlier one are dropped. */
  private turn = 0;
  private saveAbort: AbortController | null = null;
  /** The plan that was asked for last, while one is being made. */
  private wantedPlan: PlanRequest | null = null;

  constructor(readonly engine: Engine, address: Address = windowAddress()) {
    engine.onProgress = (progress) => this.dispatch({type: 'progressed', progress});
    engine.onRestart = (why) => this.restarted(why);
    this.map = new MapDesk(engine, this.view);
    this.takeaway = new Takeaway(this);
    this.writing = new Writing(this);
    this.links = new Links(this, address);
  }

  /** The file that is open, as it was given. */
  get original(): Source | null {
    return this.source;
  }

  change(change: Partial<View>): void {
    this.view.update((view) => ({...view, ...change}));
    if (change.theme !== undefined || change.singleKeys !== undefined) {
      keepSettings(this.view.value);
    }
  }

  async open(source: Source): Promise<void> {
    const turn = this.begin(source.file);
    this.source = source;
    const reply = await this.engine.open(source.file);
    if (turn !== this.turn) {
      return;
    }
    if (!reply.ok || !reply.value.opened) {
      this.dispatch({type: 'failed', problem: reply.ok ? reply.value.problem : reply.error});
      return;
    }
    this.dispatch({type: 'opened', info: reply.value.info});
    await this.check();
  }

  async openSample(sample: Sample): Promise<void> {
    const turn = this.begin({name: sample.file, size: sample.size});
    const file = await fetchSample(sample);
    if (turn !== this.turn) {
      return;
    }
    if (file.ok) {
      await this.open({file: file.value, handle: null});
    } else {
      this.dispatch({type: 'failed', problem: sampleMissing(file.error)});
    }
  }

  /** Reads the same file again, with what it holds now if the browser lets us. */
  async reopen(): Promise<void> {
    const {source} = this;
    if (source === null) {
      return;
    }
    const file = await source.handle?.getFile().catch(() => null);
    await this.open({...source, file: file ?? source.file});
  }

  close(): void {
    this.turn++;
    this.wantedPlan = null;
    this.source = null;
    this.saveAbort?.abort();
    this.engine.close();
    this.dispatch({type: 'closed'});
    this.change(imageView(this.view.value.epoch + 1));
    this.hex.set(HEX_START);
    this.map.reset();
  }

  /** Checks the file again; a deep check decodes its compressed clusters as well. */
  async recheck(deep = false): Promise<void> {
    this.dispatch({type: 'rechecking'});
    await this.check(deep);
  }

  async cancel(): Promise<void> {
    if (this.session.value.step === 'opening') {
      this.close();
      return;
    }
    this.dispatch({type: 'stopping'});
    await this.engine.cancel();
  }

  /** Plans a repair, redirected if plans are to be. While a plan is being made it is the one that is made next. */
  async plan(asked: Omit<PlanRequest, 'redirect'>): Promise<void> {
    const request = {...asked, redirect: this.view.value.redirect};
    this.dispatch({type: 'planning', request});
    await this.makePlan(request);
  }

  /** Whether plans overwrite nothing that is live. The plan of a repair that is shown is made again. */
  async setRedirect(redirect: boolean): Promise<void> {
    const session = this.session.value;
    this.change({redirect});
    if (session.step === 'open' && !isBusy(session) && (session.plan.step === 'planned' || session.plan.step === 'refused')) {
      await this.plan(session.plan.request);
    }
  }

  /** Applies the plan of a repair. */
  async apply(): Promise<void> {
    const session = this.session.value;
    if (session.step === 'open' && session.plan.step === 'planned') {
      const {request, plan} = session.plan;
      await this.applyChange({kind: 'repair', request, plan}, 'apply', undefined);
    }
  }

  /** Applies the change of width that the Lab has planned. */
  async applyWidth(bits: number): Promise<void> {
    await this.applyChange({kind: 'width', bits}, 'labApply', undefined);
  }

  /** Lays what a crash would leave over the file, so that all of the page shows it. */
  async openCrash(request: CrashStateRequest): Promise<void> {
    await this.applyChange({kind: 'crash'}, 'crashOpen', request);
  }

  /** Takes the change back that was applied last; the plan of a repair is made again. */
  async undo(): Promise<void> {
    const {turn} = this;
    const session = this.session.value;
    const last = session.step === 'open' && !isBusy(session) ? session.changes.at(-1)?.change : undefined;
    if (last === undefined) {
      return;
    }
    this.dispatch({type: 'undoing'});
    const verdict = await this.engine.call('undo', undefined);
    if (turn !== this.turn) {
      return;
    }
    this.dispatch(verdict.ok ? {type: 'undone'} : {type: 'refused', problem: verdict.error});
    this.imageChanged();
    if (verdict.ok && last.kind === 'repair') {
      this.change({redirect: last.request.redirect});
      await this.makePlan(last.request);
    }
  }

  /** Goes to the next or previous finding, and to its cluster on the map. Resolves with its place. */
  async stepFinding(step: 1 | -1): Promise<FindingPlace | null> {
    const session = this.session.value;
    if (session.step !== 'open') {
      return null;
    }
    const {filter, found, finding} = this.view.value;
    const groups = shownGroups(sortedGroups(currentVerdict(session).groups), filter, found) ?? [];
    const place = nextPlace(groups, finding, step);
    if (place !== null) {
      await this.showFinding(place);
    }
    return place;
  }

  /** Goes to a finding, to its cluster on the map, and to its bytes. */
  async showFinding(place: FindingPlace): Promise<void> {
    const session = this.session.value;
    if (session.step === 'open') {
      this.change({finding: place});
      await this.selectOf(place, session);
    }
  }

  /** Asks the core which findings are at places; an answer that came too late is dropped. */
  async findAt(places: readonly string[]): Promise<void> {
    const asked = places.join(' ');
    const {epoch} = this.view.value;
    const reply = await this.engine.call('findingsAt', {words: [...places]});
    const {filter, epoch: now} = this.view.value;
    if (reply.ok && epoch === now && placesIn(filter.text).join(' ') === asked) {
      this.change({found: {asked, groups: reply.value.groups}});
    }
  }

  async save(): Promise<void> {
    const session = this.session.value;
    const {source} = this;
    if (session.step !== 'open' || source === null || !isApplied(session)) {
      return;
    }
    const name = changedName(session.file.name, changeMarks(session));
    const place = await askPlace(name);
    if (place === null || (await this.lookForChange())) {
      return;
    }
    const blob = await this.engine.repaired();
    if (!blob.ok) {
      this.saving({step: 'failed', problem: blob.error});
    } else if (place === 'none') {
      download(blob.value, name);
      this.saving({step: 'saved', how: 'downloaded', name, bytes: blob.value.size});
    } else {
      await this.stream(place, blob.value, source);
    }
  }

  stopSaving(): void {
    this.saveAbort?.abort();
  }

  /** The plan as the command line applies it, or the plan that takes it back. */
  async savePlan(undo: boolean): Promise<void> {
    await this.saveJson(() => this.engine.call('planFile', {undo}), undo ? undoPlanName : planName);
  }

  /** A crash state as a plan for `qcowscope apply`. */
  async saveCrash(request: CrashStateRequest): Promise<void> {
    await this.saveJson(() => this.engine.call('crashFile', request), crashName);
  }

  private async saveJson(
    ask: () => Promise<Result<Uint8Array<ArrayBuffer>, Problem>>,
    nameOf: (image: string) => string,
  ): Promise<void> {
    const session = this.session.value;
    if (session.step !== 'open') {
      return;
    }
    const text = await ask();
    if (text.ok) {
      download(new Blob([text.value], {type: 'application/json'}), nameOf(session.file.name));
    } else {
      this.change({notice: {title: text.error.title, text: text.error.advice}});
    }
  }

  /** Looks whether the file is still the one that was checked; true if it is not. */
  async lookForChange(): Promise<boolean> {
    const {source, turn} = this;
    const problem = source === null ? null : await changeOf(source);
    if (problem !== null && turn === this.turn) {
      this.dispatch({type: 'changed', problem});
    }
    return problem !== null;
  }

  private begin(file: {name: string; size: number}): number {
    this.saveAbort?.abort();
    this.dispatch({type: 'chosen', file: {name: file.name, size: file.size}});
    this.change(imageView(this.view.value.epoch + 1));
    this.hex.set(HEX_START);
    this.map.reset();
    this.wantedPlan = null;
    return ++this.turn;
  }

  private async check(deep = false): Promise<void> {
    const turn = this.turn;
    const verdict = await this.engine.call('check', {deep});
    if (turn === this.turn) {
      this.dispatch(verdict.ok ? {type: 'checked', verdict: verdict.value} : {type: 'failed', problem: verdict.error});
      this.imageChanged();
      await this.lookForChange();
    }
  }

  /** Applies a change by the operation for its kind. */
  async applyChange<K extends ApplyOp>(change: Change, op: K, request: Request<K>): Promise<void> {
    const session = this.session.value;
    if (session.step !== 'open' || isBusy(session)) {
      return;
    }
    const turn = this.turn;
    this.dispatch({type: 'applying', change});
    const verdict = await this.engine.call(op, request);
    if (turn === this.turn) {
      this.dispatch(verdict.ok ? {type: 'applied', verdict: verdict.value} : {type: 'refused', problem: verdict.error});
      if (!verdict.ok && change.kind !== 'repair' && verdict.error.kind !== 'cancelled') {
        this.change({notice: {title: verdict.error.title, text: verdict.error.advice}});
      }
      this.imageChanged();
    }
  }

  private async makePlan(request: PlanRequest): Promise<void> {
    const turn = this.turn;
    const making = this.wantedPlan !== null;
    this.wantedPlan = request;
    if (making) {
      return;
    }
    let plan;
    let made: PlanRequest;
    do {
      made = this.wantedPlan;
      plan = await this.engine.call('plan', made);
    } while (turn === this.turn && this.wantedPlan !== made && (plan.ok || plan.error.kind !== 'cancelled'));
    if (turn === this.turn) {
      this.wantedPlan = null;
      this.dispatch(plan.ok ? {type: 'planned', plan: plan.value} : {type: 'refused', problem: plan.error});
      await this.lookForChange();
    }
  }

  private async selectOf(place: FindingPlace, session: OpenSession): Promise<void> {
    const reply = await this.engine.call('findings', {code: place.code, from: place.index, count: 1, picks: []});
    const finding = reply.ok ? reply.value.findings[0] : undefined;
    if (finding === undefined || this.view.value.finding !== place) {
      return;
    }
    const {clusterSize, hostClusters, fileSize} = currentInfo(session);
    const cluster = clusterOf(finding, clusterSize);
    if (cluster !== null && cluster < hostClusters) {
      this.change({selected: inFile(cluster)});
    }
    const byte = byteOfFinding(finding, fileSize);
    if (byte !== null) {
      this.hex.update((hex) => jumped(hex, byte));
    }
  }

  private async stream(place: FileSystemFileHandle, blob: Blob, original: Source): Promise<void> {
    const abort = new AbortController();
    this.saveAbort = abort;
    const total = blob.size;
    this.saving({step: 'writing', written: 0, total});
    const report = everyTenth((written) => this.saving({step: 'writing', written, total}));
    const saved = await streamTo(place, blob, original, report, abort.signal);
    this.saveAbort = null;
    this.saving(
      saved.ok
        ? {step: 'saved', how: 'streamed', name: saved.value.name, bytes: saved.value.size, copy: saved.value}
        : {step: 'failed', problem: saved.error},
    );
  }

  private saving(saving: Saving): void {
    this.change({saving});
  }

  /** What was read of the image before is out of date. */
  private imageChanged(): void {
    this.change({epoch: this.view.value.epoch + 1, finding: null, found: null, saving: {step: 'none'}});
  }

  private restarted(why: Problem): void {
    this.change({notice: {title: why.title, text: 'It was started again and brought back to where it was.'}});
  }

  private dispatch(event: SessionEvent): void {
    this.session.update((session) => nextSession(session, event));
  }
}
