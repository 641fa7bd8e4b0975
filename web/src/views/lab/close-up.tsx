import {useEffect, useRef, useState} from 'preact/hooks';
import {formatCount} from '../../base/units';
import {roomFor, windowAround} from '../../model/labcloseup';
import type {Window} from '../../model/labcloseup';
import {freedSpans} from '../../model/labscene';
import {focusOf, isCarried, NONE} from '../../model/labstate';
import type {LabState, Span} from '../../model/labstate';
import type {Step, Trace} from '../../model/labtrace';
import {OWNER_FACTS, OWNERS} from '../../model/owners';
import type {LabReply} from '../../protocol/protocol.gen';
import {useController} from '../app-context';
import {useWidth} from './use-width';

/** Refcounts are fetched by so many. */
const PAGE = 256;
const ROW_HEAD = 116;

interface CloseUpProps {
  trace: Trace;
  state: LabState;
  step: Step | null;
  reply: LabReply;
  /** While it plays fast, nothing is fetched. */
  running: boolean;
}

/** What is known of one cluster. */
interface Counts {
  owner: string;
  stored: string;
  counted: string;
  after: string;
}

/** One column. */
interface Cell {
  cluster: number;
  /** What of the change lies there. */
  own: string | null;
  /** null until it was fetched. */
  known: Counts | null;
  current: boolean;
}

/** The clusters around the step, one by one: what is stored against what was counted. */
export function CloseUp({trace, state, step, reply, running}: CloseUpProps) {
  const frame = useRef<HTMLDivElement>(null);
  const room = roomFor(useWidth(frame) - ROW_HEAD, trace.end);
  const was = useRef<Window | null>(null);
  const focus = step === null ? 0 : focusOf(step, reply.after.perRefblock);
  const view = windowAround(focus === null ? null : Math.min(trace.end - 1, focus), room, trace.end, was.current);
  was.current = view;
  const counts = useCounts(view, running);
  const clusters = Array.from({length: view.count}, (_, i) => view.first + i);
  const own = ownClusters(trace, state, view);
  const freed = freedSpans(trace, state);
  const cells = clusters.map((cluster): Cell => ({cluster, own: own.get(cluster) ?? null, known: holds(counts(cluster), freed, cluster), current: isCurrent(step, cluster)}));
  return (
    <div ref={frame} class="close-up">
      <div class="scroll" tabIndex={0} role="group" aria-label="Refcounts around the step">
        <table>
          <caption>
            Refcounts of clusters {formatCount(view.first)} to {formatCount(view.first + view.count - 1)}
          </caption>
          <thead>
            <tr>
              <th scope="col">Cluster</th>
              {cells.map(({cluster, current}) => (
                <th key={cluster} scope="col" class={current ? 'current' : undefined}>
                  {cluster}
                </th>
              ))}
            </tr>
          </thead>
          <Rows cells={cells} trace={trace} state={state} />
        </table>
      </div>
      <p class="letters">{lettersText(cells.map(({own: mine, known}) => mine ?? known?.owner ?? ''))}</p>
    </div>
  );
}

/** What the columns show of their clusters, from row to row. */
function Rows({cells, trace, state}: {cells: readonly Cell[]; trace: Trace; state: LabState}) {
  return (
    <tbody>
      <tr class="owners">
        <th scope="row">Holds</th>
        {cells.map(({cluster, own: mine, known}) => (
          <td key={cluster} class={mine === null ? familyOf(known?.owner) : 'new'} title={mine ?? ownerFacts(known?.owner)?.label}>
            {mine === null ? (ownerFacts(known?.owner)?.letters ?? '') : ownLetters(mine)}
          </td>
        ))}
      </tr>
      <tr>
        <th scope="row">Counted</th>
        {cells.map(({cluster, known}) => (
          <td key={cluster}>{known?.counted ?? ''}</td>
        ))}
      </tr>
      <tr class={state.switched ? 'old off' : 'old'}>
        <th scope="row">Old refcount</th>
        {cells.map(({cluster, known}) => (
          <td key={cluster} class={differs(known) ? 'differs' : undefined}>
            {known === null ? '' : differs(known) ? `${storedText(known.stored)}\u00a0\u2260` : storedText(known.stored)}
          </td>
        ))}
      </tr>
      <tr class={state.switched ? 'new' : 'new off'}>
        <th scope="row">New refcount</th>
        {cells.map(({cluster, known}) => (
          <td key={cluster}>{known !== null && isCarried(state, trace, cluster) ? storedText(known.after) : ''}</td>
        ))}
      </tr>
    </tbody>
  );
}

/** The letters that are there, spelled out. */
function lettersText(holders: readonly string[]): string {
  const spelled = holders.map((holder) => {
    const facts = ownerFacts(holder);
    return facts === null ? ownText(holder) : facts.letters === '' ? '' : `${facts.letters}: ${facts.label}`;
  });
  return [...new Set(spelled)].filter((text) => text !== '').join(' \u00b7 ');
}

function ownText(holder: string): string {
  return holder === '' ? '' : `${ownLetters(holder)}: ${holder === 'new reftable' ? 'New reftable' : 'New refblock'}`;
}

function ownLetters(holder: string): string {
  return holder === 'new reftable' ? 'T\u2032' : 'B\u2032';
}

/** What is known of a cluster, which is free once the old structure has left it. */
function holds(known: Counts | null, freed: readonly Span[], cluster: number): Counts | null {
  const left = freed.some(({from, to}) => cluster >= from && cluster < to);
  return known !== null && left ? {...known, owner: 'free'} : known;
}

/** Without a refblock there is no refcount: it is taken as 0. */
function storedText(stored: string): string {
  return stored === '' ? '\u2013' : stored;
}

function differs(known: Counts | null): boolean {
  return known !== null && known.stored !== known.counted && !(known.stored === '' && known.counted === '0');
}

function isCurrent(step: Step | null, cluster: number): boolean {
  return step !== null && step.at > 0 && step.at === cluster;
}

function ownerFacts(owner: string | undefined) {
  const known = OWNERS.find((name) => name === owner);
  return known === undefined ? null : OWNER_FACTS[known];
}

function familyOf(owner: string | undefined): string {
  return ownerFacts(owner)?.family ?? 'free';
}

/** What of the new structure lies in which cluster of the window. */
function ownClusters(trace: Trace, state: LabState, {first, count}: Window): Map<number, string> {
  const own = new Map<number, string>();
  for (const [i, block] of trace.blocks.entries()) {
    const at = state.places[i] ?? 0;
    if (at >= first && at < first + count && state.status[i] !== NONE) {
      own.set(at, `new refblock ${formatCount(block)}`);
    }
  }
  for (let i = 0; i < (state.table?.n ?? 0); i++) {
    own.set((state.table?.at ?? 0) + i, 'new reftable');
  }
  return own;
}

/** The refcounts of clusters, as far as they are known; those in the window are fetched. */
function useCounts({first, count}: Window, running: boolean): (cluster: number) => Counts | null {
  const controller = useController();
  const [known, setKnown] = useState<ReadonlyMap<number, readonly Counts[]>>(new Map());
  const pages = [Math.floor(first / PAGE), Math.floor((first + count - 1) / PAGE)];
  const missing = pages.find((page) => !known.has(page)) ?? null;
  useEffect(() => {
    if (missing === null) {
      return;
    }
    const ask = async () => {
      const reply = await controller.engine.call('labCounts', {first: missing * PAGE, count: PAGE});
      const rows = reply.ok
        ? reply.value.owners.map((owner, i) => ({
            owner,
            stored: reply.value.stored[i] ?? '',
            counted: reply.value.counted[i] ?? '',
            after: reply.value.after[i] ?? '',
          }))
        : [];
      setKnown((old) => new Map([...old, [missing, rows]]));
    };
    // In playing, what is passed by at once need not be fetched.
    const timer = setTimeout(() => void ask(), running ? 120 : 0);
    return () => clearTimeout(timer);
  }, [controller, missing, running]);
  return (cluster) => known.get(Math.floor(cluster / PAGE))?.[cluster % PAGE] ?? null;
}
