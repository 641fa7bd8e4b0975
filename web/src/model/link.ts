import type {FindingPlace} from './findings';
import {hexOf, offsetOf} from './hexgrid';
import {PANEL_LABELS, PANELS} from './keys';
import type {Panel} from './keys';
import {MAP_CHOICES} from './map/choices';
import type {MapChoices} from './map/choices';
import {COLOUR_BY} from './map/kinds';
import {inFile, onDisk} from './map/place';
import type {MapPlace} from './map/place';

/** A place on the page as the fragment of its address holds it. Nothing in it tells which image it is about. */
export interface Link {
  panel: Panel;
  /** The byte under the cursor of the hex view; null for the first. */
  byte: bigint | null;
  /** The cluster that is selected on the map. */
  selected: MapPlace | null;
  finding: FindingPlace | null;
  /** The hex view shows the other side of a plan. */
  other: boolean;
  hexAs: 'bytes' | 'fields';
  mapAs: 'picture' | 'table';
  map: MapLooks;
}

/** How the maps are looked at, as far as a link tells. */
type MapLooks = Pick<MapChoices, 'show' | 'by' | 'order' | 'layer'>;

/** The looks out of all choices. */
export function looksOf({show, by, order, layer}: MapChoices): MapLooks {
  return {show, by, order, layer};
}

export const NO_LINK: Link = {
  panel: 'summary',
  byte: null,
  selected: null,
  finding: null,
  other: false,
  hexAs: 'bytes',
  mapAs: 'picture',
  map: looksOf(MAP_CHOICES),
};

/** The fragment of a place, `#v=hex&o=0x30000`; empty for where the page begins. */
export function linkText(link: Link): string {
  const {panel, byte, selected, finding} = link;
  const parts = [
    panel !== 'summary' && `v=${panel}`,
    byte !== null && `o=${hexOf(byte)}`,
    link.other && 'side=other',
    link.hexAs === 'fields' && 'hex=fields',
    selected?.space === 'host' && `c=${selected.cluster}`,
    selected?.space === 'guest' && `g=${selected.layer}.${selected.cluster}`,
    link.mapAs === 'table' && 'map=table',
    link.map.show !== 'both' && `show=${link.map.show}`,
    link.map.by !== MAP_CHOICES.by && `by=${link.map.by}`,
    link.map.order !== null && `order=${link.map.order}`,
    link.map.layer !== 0 && `layer=${link.map.layer}`,
    finding !== null && `f=${finding.code}.${finding.index}`,
  ].filter((part) => part !== false);
  return parts.length === 0 ? '' : `#${parts.join('&')}`;
}

/** The place that a fragment names; null if it names none. What it does not understand it leaves out. */
export function parseLink(fragment: string): Link | null {
  const text = fragment.replace(/^#/, '');
  const plain = PANELS.find((panel) => panel === text);
  if (plain !== undefined) {
    return {...NO_LINK, panel: plain};
  }
  const values = new URLSearchParams(text);
  const value = (name: string) => values.get(name) ?? '';
  const link: Link = {
    panel: PANELS.find((panel) => panel === value('v')) ?? 'summary',
    byte: byteOf(value('o')),
    selected: selectedOf(value('c'), value('g')),
    finding: findingOf(value('f')),
    other: value('side') === 'other',
    hexAs: value('hex') === 'fields' ? 'fields' : 'bytes',
    mapAs: value('map') === 'table' ? 'table' : 'picture',
    map: {
      show: (['host', 'guest'] as const).find((space) => space === value('show')) ?? 'both',
      by: COLOUR_BY.find((by) => by.value === value('by'))?.value ?? MAP_CHOICES.by,
      order: (['rows', 'hilbert'] as const).find((order) => order === value('order')) ?? null,
      layer: numberOf(value('layer')) ?? 0,
    },
  };
  return linkText(link) === '' ? null : link;
}

function byteOf(text: string): bigint | null {
  const offset = offsetOf(text);
  return offset !== null && offset < 1n << 63n ? offset : null;
}

function selectedOf(host: string, guest: string): MapPlace | null {
  const [layer, cluster] = guest.split('.').map(numberOf);
  const inHost = numberOf(host);
  if (inHost !== null) {
    return inFile(inHost);
  }
  return layer === undefined || layer === null || cluster === undefined || cluster === null ? null : onDisk(layer, cluster);
}

function findingOf(text: string): FindingPlace | null {
  const parts = /^([a-z0-9-]{1,64})\.(\d{1,15})$/.exec(text);
  return parts?.[1] === undefined ? null : {code: parts[1], index: Number(parts[2])};
}

function numberOf(text: string): number | null {
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}

/** The place in words, for who has opened a link and no image yet: `Hex, byte 0x30000`. */
export function linkWords({panel, byte, selected, finding}: Link): string {
  const place =
    panel === 'hex' && byte !== null
      ? `byte ${hexOf(byte)}`
      : panel === 'map' && selected !== null
        ? `${selected.space === 'host' ? '' : 'guest '}cluster ${selected.cluster}`
        : panel === 'findings' && finding !== null
          ? `${finding.code}, number ${finding.index + 1}`
          : '';
  return place === '' ? PANEL_LABELS[panel] : `${PANEL_LABELS[panel]}, ${place}`;
}
