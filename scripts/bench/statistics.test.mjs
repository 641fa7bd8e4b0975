import assert from 'node:assert/strict';
import {test} from 'node:test';
import {summary} from './statistics.mjs';

test('median and spread', () => {
  assert.deepEqual(summary([10, 2, 3]), {median: 3, min: 2, max: 10});
  assert.deepEqual(summary([4, 1, 2, 10]), {median: 3, min: 1, max: 10});
  assert.deepEqual(summary([5]), {median: 5, min: 5, max: 5});
  assert.throws(() => summary([]));
});
