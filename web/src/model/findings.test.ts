import {describe, expect, it} from 'vitest';
import type {FindingGroup} from '../protocol/protocol.gen';
import {
  byteOfFinding,
  clusterOf,
  countsBySeverity,
  filteredGroups,
  nextPlace,
  NO_FILTER,
  placeNumber,
  placesIn,
  rowsOf,
  shownGroups,
  sortedGroups,
} from './findings';

function group(code: string, severity: string, count: number, kept = count): FindingGroup {
  return {
    code,
    severity,
    class: 'corruption',
    count,
    places: count,
    kept,
    title: `title of ${code}`,
    meaning: '',
    cure: '',
    mendable: true,
    mayMend: true,
    consent: '',
  };
}

const groups = [group('leaked-cluster', 'waste', 900), group('l2-garbage', 'damage', 2), group('too-low', 'danger', 1)];
const sorted = sortedGroups(groups);
const codes = (list: FindingGroup[]) => list.map((item) => item.code);

it('shows the worst first', () => {
  expect(codes(sorted)).toEqual(['too-low', 'l2-garbage', 'leaked-cluster']);
  expect(codes(sortedGroups([group('few', 'waste', 1), group('many', 'waste', 9)]))).toEqual(['many', 'few']);
});

it('filters by severity and by words', () => {
  expect(codes(filteredGroups(sorted, NO_FILTER))).toHaveLength(3);
  expect(codes(filteredGroups(sorted, {...NO_FILTER, severities: ['waste']}))).toEqual(['leaked-cluster']);
  expect(codes(filteredGroups(sorted, {...NO_FILTER, text: 'TITLE garbage'}))).toEqual(['l2-garbage']);
  expect(codes(filteredGroups(sorted, {...NO_FILTER, code: 'too-low'}))).toEqual(['too-low']);
  expect(filteredGroups(sorted, {...NO_FILTER, severities: ['danger'], text: 'garbage'})).toEqual([]);
});

it('tells places from words', () => {
  expect(placesIn('leaked 0x1C0000 28 L2[0][5] refcount[7] snapshot[0].l1_table_offset l2 0x [3]')).toEqual([
    '0x1c0000',
    '28',
    'l2[0][5]',
    'refcount[7]',
    'snapshot[0].l1_table_offset',
  ]);
  expect(codes(filteredGroups(sorted, {...NO_FILTER, text: 'leaked 28'}))).toEqual(['leaked-cluster']);
});

it('shows what the core found at places, once it has', () => {
  const filter = {...NO_FILTER, text: 'title 28'};
  const at = [{code: 'leaked-cluster', indices: [4, 90], more: true}];
  expect(shownGroups(sorted, filter, null)).toBeNull();
  expect(shownGroups(sorted, filter, {asked: '29', groups: at})).toBeNull();
  const shown = shownGroups(sorted, filter, {asked: '28', groups: at});
  expect(shown?.map(({group: {code}, picks, more}) => ({code, picks, more}))).toEqual([
    {code: 'leaked-cluster', picks: [4, 90], more: true},
  ]);
  expect(shownGroups(sorted, {...filter, text: 'garbage 28'}, {asked: '28', groups: at})).toEqual([]);
  expect(shownGroups(sorted, NO_FILTER, null)?.map(rowsOf)).toEqual([1, 2, 900]);
});

it('counts findings, not groups', () => {
  expect(countsBySeverity([...groups, group('other', 'waste', 100)])).toEqual([
    {severity: 'danger', count: 1},
    {severity: 'damage', count: 2},
    {severity: 'waste', count: 1000},
  ]);
});

describe('going from finding to finding', () => {
  const all = (list: FindingGroup[]) => list.map((item) => ({group: item, picks: null, more: false}));
  const list = all([group('a', 'danger', 2), group('none-kept', 'damage', 5, 0), group('b', 'waste', 3)]);

  it('visits all that are kept, in order, and back', () => {
    const forth = [];
    for (let place = nextPlace(list, null, 1); place !== null; place = nextPlace(list, place, 1)) {
      forth.push(place);
    }
    const back = [];
    for (let place = nextPlace(list, null, -1); place !== null; place = nextPlace(list, place, -1)) {
      back.push(place);
    }
    expect(forth).toEqual([
      {code: 'a', index: 0},
      {code: 'a', index: 1},
      {code: 'b', index: 0},
      {code: 'b', index: 1},
      {code: 'b', index: 2},
    ]);
    expect(back.toReversed()).toEqual(forth);
    expect(placeNumber(list, {code: 'b', index: 1})).toEqual({number: 4, of: 5});
  });

  it('visits only those that were found', () => {
    const found = [{group: group('a', 'danger', 900_000), picks: [7, 800_000], more: false}, ...all([group('b', 'waste', 1)])];
    const forth = [];
    for (let place = nextPlace(found, null, 1); place !== null; place = nextPlace(found, place, 1)) {
      forth.push(`${place.code} ${place.index}`);
    }
    expect(forth).toEqual(['a 7', 'a 800000', 'b 0']);
    expect(nextPlace(found, {code: 'b', index: 0}, -1)).toEqual({code: 'a', index: 800_000});
    expect(placeNumber(found, {code: 'a', index: 800_000})).toEqual({number: 2, of: 3});
  });

  it('begins anew when the group is gone', () => {
    expect(nextPlace(list, {code: 'mended', index: 7}, 1)).toEqual({code: 'a', index: 0});
    expect(nextPlace([], null, 1)).toBeNull();
  });
});

it('knows the cluster of a finding, if it has one', () => {
  expect(clusterOf({host: '0x1c0000'}, 65536)).toBe(28);
  expect(clusterOf({host: '0x1c0200'}, 65536)).toBe(28);
  expect(clusterOf({host: ''}, 65536)).toBeNull();
  expect(clusterOf({host: '0xffffffffffffffff'}, 65536)).toBeNull();
});

it('the bytes of a finding are those of its field, or of what it leads to, if they are in the file', () => {
  expect(byteOfFinding({at: '0x20', host: '0x1000'}, 4096)).toBe(0x20n);
  expect(byteOfFinding({at: '', host: '0x1000'}, 8192)).toBe(0x1000n);
  expect(byteOfFinding({at: '', host: '0x1000'}, 4096)).toBeNull();
  expect(byteOfFinding({at: '', host: ''}, 4096)).toBeNull();
});
