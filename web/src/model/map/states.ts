/** The states of subclusters, in the order of SubclusterStates in mapprotocol.go. */
export const SUBCLUSTER_STATES = ['unallocated', 'unallocated-host', 'zero', 'zero-allocated', 'data', 'compressed', 'invalid', 'none'] as const;

export type SubclusterState = (typeof SUBCLUSTER_STATES)[number];

/** How a state is drawn and said. Letters tell them apart without colour. */
export const STATE_FACTS: Record<SubclusterState, {letter: string; text: string; shown: 'fill' | 'hatched' | 'empty' | 'ink'}> = {
  unallocated: {letter: '\u00b7', text: 'not allocated', shown: 'empty'},
  zero: {letter: '0', text: 'reads as zeros', shown: 'hatched'},
  'zero-allocated': {letter: '0', text: 'reads as zeros, its place is kept', shown: 'hatched'},
  data: {letter: 'A', text: 'allocated', shown: 'fill'},
  compressed: {letter: 'C', text: 'compressed', shown: 'fill'},
  'unallocated-host': {letter: '\u00b7', text: 'not allocated, its place is kept', shown: 'empty'},
  invalid: {letter: '!', text: 'invalid: both allocated and zero', shown: 'ink'},
  none: {letter: '', text: 'no entry points here', shown: 'fill'},
};
