import {readFileSync} from 'node:fs';
import {expect, it} from 'vitest';
import {cellOwner, cellRank, cellSeverity, packCell, PAST_END} from './cells';
import {OWNERS} from './owners';
import {SEVERITIES} from './severity';

it('unpacks what it packed', () => {
  for (const owner of OWNERS) {
    for (const severity of SEVERITIES) {
      const cell = packCell(owner, severity);
      expect(cell).not.toBe(PAST_END);
      expect([cellOwner(cell), cellSeverity(cell), cellRank(cell)]).toEqual([
        owner,
        severity,
        SEVERITIES.indexOf(severity),
      ]);
    }
  }
});

it('knows the owners of the protocol, in its order', () => {
  const protocol = readFileSync(new URL('../../../wasm/service/protocol.go', import.meta.url), 'utf8');
  const list = /var Owners = \[\]string\{([^}]*)\}/.exec(protocol)?.[1] ?? '';
  expect([...list.matchAll(/"([^"]+)"/g)].map((match) => match[1])).toEqual([...OWNERS]);
});

it('knows the severities of the protocol, in its order', () => {
  const protocol = readFileSync(new URL('../../../wasm/service/protocol.go', import.meta.url), 'utf8');
  const list = /worst severity in the cell \(([^)]*)\)/.exec(protocol)?.[1] ?? '';
  const words = list
    .replaceAll('//', '')
    .split(',')
    .map((item) => item.trim().split(/\s+/));
  expect(words).toEqual(SEVERITIES.map((severity, index) => [String(index), severity]));
});
