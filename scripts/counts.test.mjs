import assert from 'node:assert/strict';
import {test} from 'node:test';
import {goTestCounts, tapCounts, vitestCounts} from './counts.mjs';

/** @param {object[]} events */
const lines = (...events) => events.map((e) => JSON.stringify(e)).join('\n');

test('go: tests are counted, packages are not', () => {
  const counts = goTestCounts(
    0,
    lines(
      {Action: 'start', Package: 'p'},
      {Action: 'pass', Package: 'p', Test: 'TestA'},
      {Action: 'skip', Package: 'p', Test: 'TestB'},
      {Action: 'pass', Package: 'p'},
      {Action: 'skip', Package: 'no/tests'},
    ),
    '',
  );
  assert.deepEqual(counts, {passed: 1, failed: 0, skipped: 1, report: ''});
});

test('go: what a failed test said is reported in full', () => {
  const counts = goTestCounts(
    1,
    lines(
      {Action: 'output', Package: 'p', Test: 'TestA', Output: 'a.go:1: wrong\n'},
      {Action: 'output', Package: 'p', Test: 'TestB', Output: 'fine\n'},
      {Action: 'fail', Package: 'p', Test: 'TestA'},
      {Action: 'pass', Package: 'p', Test: 'TestB'},
      {Action: 'fail', Package: 'p'},
    ),
    '',
  );
  assert.equal(counts.failed, 1);
  assert.match(counts.report, /a\.go:1: wrong/);
  assert.doesNotMatch(counts.report, /fine/);
});

test('go: a crash is reported though no test failed', () => {
  const counts = goTestCounts(
    1,
    lines(
      {Action: 'output', Package: 'p', Test: 'TestA', Output: 'fine\n'},
      {Action: 'pass', Package: 'p', Test: 'TestA'},
      {Action: 'output', Package: 'p', Test: 'TestB', Output: 'fatal error: out of memory\n'},
      {Action: 'output', Package: 'p', Output: 'FAIL\tp\n'},
      {Action: 'fail', Package: 'p'},
    ),
    '',
  );
  assert.equal(counts.failed, 1);
  assert.match(counts.report, /FAIL\tp\nfatal error/);
  assert.doesNotMatch(counts.report, /fine/);
});

test('go: a package that does not build is a failure', () => {
  const counts = goTestCounts(
    1,
    lines(
      {Action: 'build-output', ImportPath: 'p', Output: 'p.go:1: undefined: x\n'},
      {Action: 'build-fail', ImportPath: 'p'},
      {Action: 'fail', Package: 'p', FailedBuild: 'p'},
      {Action: 'pass', Package: 'q', Test: 'TestA'},
    ),
    '',
  );
  assert.equal(counts.failed, 1);
  assert.match(counts.report, /undefined: x/);
});

test('a runner that ends badly, or runs nothing, is a failure', () => {
  assert.equal(goTestCounts(1, '', 'go: no network').failed, 1);
  assert.equal(goTestCounts(1, '', 'go: no network').report, 'go: no network');
  assert.equal(goTestCounts(0, '', '').failed, 1);
  assert.equal(vitestCounts(1, '', 'crash').failed, 1);
  assert.equal(vitestCounts(0, '{"numPassedTests":0}', '').failed, 1);
  assert.equal(vitestCounts(1, '{"numPassedTests":3,"numFailedTests":0}', 'a file did not load').failed, 1);
  assert.equal(tapCounts(0, '# pass 0\n# fail 0\n').failed, 1);
});

test('the counts of Vitest and of node --test', () => {
  const json = '{"numPassedTests":3,"numFailedTests":0,"numPendingTests":1}';
  assert.deepEqual(vitestCounts(0, json, ''), {passed: 3, failed: 0, skipped: 1, report: ''});
  assert.deepEqual(tapCounts(1, 'not ok\n# pass 2\n# fail 1\n# skipped 0\n').failed, 1);
});
