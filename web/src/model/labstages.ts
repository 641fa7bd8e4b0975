import {formatCount, plural} from '../base/units';
import type {LabStage} from '../protocol/protocol.gen';

/** What a stage does, in a word or two, and what came of it. */
interface StageLabel {
  name: string;
  note: string;
}

export function stageLabel(stage: LabStage, walks: number): StageLabel {
  switch (stage.name) {
    case 'count':
      return {name: 'Count', note: 'all references'};
    case 'compare':
      return {name: 'Compare', note: 'stored and counted'};
    case 'read':
      return {name: 'Read', note: 'the old refcounts'};
    case 'walk':
      return {name: walks > 1 ? `Walk ${stage.walk}` : 'Place', note: placedText(stage.placed)};
    case 'write':
      return {name: 'Write', note: 'the new structure'};
    case 'switch':
      return {name: 'Switch', note: 'the header'};
    case 'free':
      return {name: 'Free', note: 'the old structure'};
    case 'recount':
      return {name: 'Recount', note: 'to be sure'};
    default:
      return {name: stage.name, note: ''};
  }
}

function placedText(placed: number): string {
  return placed === 0 ? 'nothing more' : `${plural(placed, 'refblock')} placed`;
}

/** How many walks give places. */
export function walksOf(stages: readonly LabStage[]): number {
  return stages.filter(({name}) => name === 'walk').length;
}

/** How much of a trace is shown, null if it is all. */
export function abridgedText(steps: number, kept: number): string | null {
  return kept >= steps
    ? null
    : `${formatCount(steps)} steps are too many to keep: of each stage the first and the last are here, and all that is out of the ordinary, ${formatCount(kept)} together.`;
}
