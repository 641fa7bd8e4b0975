import {describe, expect, it} from 'vitest';
import {linkText, linkWords, NO_LINK, parseLink} from './link';
import type {Link} from './link';
import {inFile, onDisk} from './map/place';

const LINKS: [string, Partial<Link>][] = [
  ['#v=hex&o=0x30000', {panel: 'hex', byte: 0x30000n}],
  ['#v=hex&o=0x7fffffffffffffff&side=other&hex=fields', {panel: 'hex', byte: (1n << 63n) - 1n, other: true, hexAs: 'fields'}],
  ['#v=map&c=16777215', {panel: 'map', selected: inFile(16777215)}],
  ['#v=map&g=2.17&map=table', {panel: 'map', selected: onDisk(2, 17), mapAs: 'table'}],
  ['#v=map&show=guest&by=health&order=hilbert&layer=3', {panel: 'map', map: {show: 'guest', by: 'health', order: 'hilbert', layer: 3}}],
  ['#v=findings&f=leaked-cluster.999999', {panel: 'findings', finding: {code: 'leaked-cluster', index: 999999}}],
  ['#v=save', {panel: 'save'}],
  ['#o=0x0', {byte: 0n}],
];

describe('a place', () => {
  it.each(LINKS)('%s is written and read', (text, part) => {
    expect(linkText({...NO_LINK, ...part})).toBe(text);
    expect(parseLink(text)).toEqual({...NO_LINK, ...part});
  });

  it('where the page begins has no fragment', () => {
    expect(linkText(NO_LINK)).toBe('');
    for (const nothing of ['', '#', '#v=summary', '#nonsense', '#v=nowhere', '#o=12', '#o=0x8000000000000000', '#c=-1', '#c=1e9', '#g=1', '#g=.', '#f=x', '#show=all&by=name&order=spiral&layer=-1', '#f=<b>.1', '#%']) {
      expect(parseLink(nothing)).toBeNull();
    }
  });

  it('can be a part of the page alone, as in its navigation', () => {
    expect(parseLink('#hex')).toEqual({...NO_LINK, panel: 'hex'});
  });

  it('is told in words', () => {
    expect(LINKS.map(([, part]) => linkWords({...NO_LINK, ...part}))).toEqual([
      'Hex, byte 0x30000',
      'Hex, byte 0x7fffffffffffffff',
      'Map, cluster 16777215',
      'Map, guest cluster 17',
      'Map',
      'Findings, leaked-cluster, number 1000000',
      'Save',
      'Summary',
    ]);
  });
});
