import {useCallback, useState} from 'preact/hooks';
import {formatCount} from '../base/units';
import {indexAt, rowOf, rowsOf} from '../model/findings';
import type {ShownGroup} from '../model/findings';
import {ROWS_A_PAGE} from '../model/rowpages';
import type {RowPages} from '../model/rowpages';
import type {FindingView, Info} from '../protocol/protocol.gen';
import type {Controller} from '../state/controller';
import {useController, useMedia, useStore} from './app-context';
import {FindingDetail} from './finding-detail';
import {ProblemText} from './problem';
import {ImageText} from './text';
import {useRowPages, useWantedRows} from './use-row-pages';
import {VirtualList} from './virtual-list';

/** As in findings.css: a row is two lines high where there is little room. */
export function useRowHeight(): number {
  return useMedia('(max-width: 700px)') ? 58 : 36;
}

/** Where each finding of a group is, and all about the one that is selected. */
export function FindingList({shown, info}: {shown: ShownGroup; info: Info}) {
  const controller = useController();
  const {epoch, finding} = useStore(controller.view);
  const {group} = shown;
  const [seen, setSeen] = useState({from: 0, to: 1});
  const rows = rowsOf(shown);
  const pages = useFindingRows(controller, shown, epoch);
  useWantedRows(pages, seen.from, seen.to);
  const onSeen = useCallback((from: number, to: number) => setSeen({from, to}), []);
  const active = finding?.code === group.code ? rowOf(shown, finding.index) : -1;
  const rowHeight = useRowHeight();
  return (
    <div class="finding-list-part">
      <VirtualList
        label={`Findings: ${group.title}`}
        rows={rows}
        rowHeight={rowHeight}
        active={active}
        onActive={(row) => void controller.showFinding({code: group.code, index: indexAt(shown, row)})}
        row={(row) => <FindingRow finding={pages.get(row)} />}
        onSeen={onSeen}
      />
      <Kept shown={shown} rows={rows} />
      {pages.problem !== null && <ProblemText problem={pages.problem} />}
      {active >= 0 && finding !== null ? (
        <FindingDetail key={`${epoch} ${group.code} ${finding.index}`} group={group} index={finding.index} info={info} />
      ) : (
        <p class="muted">Choose one for all about it: what it holds, who refers to it, what can be done.</p>
      )}
    </div>
  );
}

/** The findings of a group as rows, read from the core as they come into sight. */
export function useFindingRows(controller: Controller, shown: ShownGroup, epoch: number): RowPages<FindingView> {
  const {group, picks} = shown;
  const key = `${epoch} ${group.code} ${picks === null ? '' : picks.join(' ')}`;
  return useRowPages<FindingView>(key, rowsOf(shown), async (from, count) => {
    const chosen = picks === null ? [] : picks.slice(from, from + Math.min(count, ROWS_A_PAGE));
    const reply = await controller.engine.call('findings', {code: group.code, from, count, picks: chosen});
    return reply.ok ? {ok: true, value: reply.value.findings} : reply;
  });
}

/** What is not listed, and why. */
function Kept({shown: {group, picks, more}, rows}: {shown: ShownGroup; rows: number}) {
  if (picks !== null) {
    return <p class="muted">{more ? `The first ${formatCount(rows)} at this place.` : `${formatCount(rows)} of ${formatCount(group.places)} are at this place.`}</p>;
  }
  return group.kept < group.places ? (
    <p class="muted">
      The first {formatCount(group.kept)} of {formatCount(group.places)}: there is no memory for more in a browser tab. All of them are counted.
    </p>
  ) : null;
}

/** A finding in one line: where, what, and which part of the file. */
export function FindingRow({finding}: {finding: FindingView | undefined}) {
  if (finding === undefined) {
    return <span class="muted row-what">Loading.</span>;
  }
  return (
    <>
      <span class="row-field mono">
        <ImageText text={finding.field} />
      </span>
      <span class="row-what">
        <ImageText text={finding.what} />
      </span>
      <span class="row-place mono muted">{finding.host !== '' ? finding.host : finding.at}</span>
    </>
  );
}
