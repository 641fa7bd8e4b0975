import {OWNER_FACTS, OWNERS} from '../owners';
import type {Texture} from '../owners';
import type {MapPalette} from './colours';
import {SEVERITIES, SEVERITY_FACTS} from '../severity';

/** What the colour of a cell says. */
export type ColourBy = 'owner' | 'health' | 'references' | 'order' | 'layer' | 'dirty';

export const COLOUR_BY: readonly {value: ColourBy; label: string; meaning: string}[] = [
  {value: 'owner', label: 'Owner', meaning: 'What each cluster is used for.'},
  {value: 'health', label: 'Health', meaning: 'The worst that was found in each place.'},
  {value: 'references', label: 'References', meaning: 'How many pointers lead to each cluster.'},
  {value: 'order', label: 'Order on the disk', meaning: 'Where on the virtual disk the data belongs: smooth where the file is in order, noisy where it is scattered.'},
  {value: 'layer', label: 'Layer', meaning: 'Whether the disk as it is now needs a cluster, or only a snapshot does.'},
  {value: 'dirty', label: 'Dirty bitmap', meaning: 'What a bitmap marks: written since the last backup.'},
];

export type MapSpace = 'host' | 'guest';

/** The kinds of guest clusters, in the order of GuestKinds in mapprotocol.go. */
export const GUEST_KINDS = ['nothing', 'data', 'compressed', 'zero', 'unreadable', 'unknown'] as const;

/** The index of a kind of guest cluster by its name; what the page does not know is unknown. */
export function guestKindNamed(name: string): number {
  const index = GUEST_KINDS.findIndex((kind) => kind === name);
  return index < 0 ? GUEST_KINDS.indexOf('unknown') : index;
}

/** The same of DirtyKinds. */
const DIRTY_KINDS = ['clean', 'dirty', 'unknown'] as const;

/** The same of LayerKinds. */
const LAYER_KINDS = [
  'none',
  'tables',
  'active',
  'shared',
  'snapshots',
  ...Array.from({length: 10}, (_, i) => `snapshot-${i + 1}`),
  'snapshot-later',
] as const;

const FIRST_SNAPSHOT_KIND = 5;

/** The same of ReferenceSteps. */
export const REFERENCE_STEPS = ['0', '1', '2', '3', '4', '5 to 8', '9 to 16', '17 to 64', '65 to 254', '255 or more'] as const;

/** How cells of one kind look, and what they are. */
export interface Look {
  /** Index in the palette; what a filter names. */
  index: number;
  label: string;
  meaning: string;
  /** At most two characters for large cells. */
  letters: string;
  fill: string;
  texture: Texture;
}

/** All looks of a space in a mode, in the order of the legend. */
export function looksOf(space: MapSpace, by: ColourBy, palette: MapPalette, facts: {parent: boolean; snapshots: readonly string[]}): Look[] {
  if (by === 'health') {
    return healthLooks(space, palette, facts.parent);
  }
  if (space === 'guest') {
    return by === 'dirty' ? dirtyLooks(palette) : guestLooks(palette, facts.parent);
  }
  switch (by) {
    case 'owner':
    case 'dirty':
      return OWNERS.map((owner, index) => {
        const {label, meaning, letters, family, texture} = OWNER_FACTS[owner];
        return {index, label, meaning, letters, fill: palette.fills[family], texture};
      });
    case 'references':
      return REFERENCE_STEPS.map((label, index) => ({
        index,
        label: index === 0 ? 'None' : index === 1 ? 'One' : label,
        meaning: `Clusters with ${label} references.`,
        letters: index === 0 ? '' : (label.split(' ')[0] ?? ''),
        fill: palette.references[index] ?? palette.ink,
        texture: 'plain',
      }));
    case 'order':
      return [];
    case 'layer':
      return layerLooks(palette, facts.snapshots);
  }
}

/** Index 0 and 1 are what is fine: not in use, and in use. The severities follow. */
const HEALTH_FINE = 1;

function healthLooks(space: MapSpace, palette: MapPalette, parent: boolean): Look[] {
  const nothing = space === 'host' ? 'Free' : parent ? 'From the parent' : 'Nothing stored';
  const fine: Look[] = [
    {index: 0, label: nothing, meaning: 'Nothing is stored here, and nothing is wrong.', letters: '', fill: palette.fills.free, texture: 'plain'},
    {index: HEALTH_FINE, label: 'Fine', meaning: SEVERITY_FACTS.none.meaning, letters: '', fill: palette.health[0] ?? palette.ink, texture: 'plain'},
  ];
  const bad = SEVERITIES.slice(1).map((severity, i) => ({
    index: HEALTH_FINE + 1 + i,
    label: SEVERITY_FACTS[severity].word,
    meaning: SEVERITY_FACTS[severity].meaning,
    letters: '',
    fill: palette.health[i + 1] ?? palette.ink,
    texture: 'plain' as const,
  }));
  return [...fine, ...bad.reverse()];
}

function guestLooks(palette: MapPalette, parent: boolean): Look[] {
  const nothing = parent
    ? {label: 'From the parent', meaning: 'This file says nothing: the backing file does.'}
    : {label: 'Nothing stored', meaning: 'Was never written to, and reads as zeros.'};
  const facts: Record<(typeof GUEST_KINDS)[number], {label: string; meaning: string; letters: string; texture: Texture}> = {
    nothing: {...nothing, letters: parent ? 'P' : '', texture: 'plain'},
    data: {label: 'Data', meaning: 'Stored in this file.', letters: 'D', texture: 'plain'},
    compressed: {label: 'Compressed data', meaning: 'Stored in this file, compressed.', letters: 'C', texture: 'dots'},
    zero: {label: 'Zeros', meaning: 'Marked as zeros.', letters: '0', texture: 'rising'},
    unreadable: {label: 'Unreadable', meaning: 'The entry that should say where the data is makes no sense.', letters: '!', texture: 'grid'},
    unknown: {label: 'Not read', meaning: 'The disk has more clusters than this page keeps.', letters: '?', texture: 'frame'},
  };
  return GUEST_KINDS.map((kind, index) => ({index, ...facts[kind], fill: palette.guest[kind]}));
}

function dirtyLooks(palette: MapPalette): Look[] {
  const facts: Record<(typeof DIRTY_KINDS)[number], Omit<Look, 'index'>> = {
    clean: {label: 'Clean', meaning: 'Not written since the bitmap was begun.', letters: '', fill: palette.fills.free, texture: 'plain'},
    dirty: {label: 'Dirty', meaning: 'Some of it was written since: the next backup copies it.', letters: 'D', fill: palette.fills.mapping, texture: 'rising'},
    unknown: {label: 'Not kept', meaning: 'The bitmap has more ranges than this page keeps.', letters: '?', fill: palette.guest.unknown, texture: 'frame'},
  };
  return DIRTY_KINDS.map((kind, index) => ({index, ...facts[kind]}));
}

const SNAPSHOT_TEXTURES = ['plain', 'dots', 'rising'] as const;

function layerLooks(palette: MapPalette, snapshots: readonly string[]): Look[] {
  const fixed: Look[] = [
    {index: 0, label: 'Free', meaning: 'No layer has it.', letters: '', fill: palette.fills.free, texture: 'plain'},
    {index: 1, label: 'Tables', meaning: 'What the format itself needs.', letters: 'T', fill: palette.fills.other, texture: 'plain'},
    {index: 2, label: 'Only the disk as it is now', meaning: 'No snapshot has it.', letters: 'A', fill: palette.fills.active, texture: 'plain'},
    {index: 3, label: 'The disk and snapshots', meaning: 'Unchanged since a snapshot was taken.', letters: 'AS', fill: palette.fills.active, texture: 'grid'},
    {index: 4, label: 'Several snapshots', meaning: 'Free again once all of these snapshots are deleted.', letters: 'S', fill: palette.fills.leaked, texture: 'grid'},
  ];
  const hues = [palette.fills.snapshot, palette.fills.mapping, palette.fills.refcount, palette.fills.leaked];
  const single = LAYER_KINDS.slice(FIRST_SNAPSHOT_KIND).map((kind, i) => {
    const later = kind === 'snapshot-later';
    const name = snapshots[i];
    return {
      index: FIRST_SNAPSHOT_KIND + i,
      label: later ? 'Only one later snapshot' : name === undefined ? `Only snapshot ${i + 1}` : `Only snapshot ${i + 1}: ${name}`,
      meaning: 'Free again once this snapshot is deleted.',
      letters: later ? 'S+' : `S${(i + 1) % 10}`,
      fill: hues[i % hues.length] ?? palette.ink,
      texture: SNAPSHOT_TEXTURES[Math.floor(i / hues.length)] ?? 'plain',
    };
  });
  return [...fixed, ...single];
}
