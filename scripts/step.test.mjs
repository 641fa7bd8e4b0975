import assert from 'node:assert/strict';
import {mkdirSync, rmSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {afterEach, beforeEach, test} from 'node:test';
import {buildDir, inRoot} from './paths.mjs';
import {runStep} from './step.mjs';

const folder = 'build/step-test';
const name = 'step-test';
let runs = 0;

/** @param {string} [tool] */
const step = (tool) =>
  runStep({
    name,
    tool: tool ?? '',
    inputs: [`${folder}/in`],
    outputs: [`${folder}/out.txt`],
    work: async () => {
      runs++;
      writeFileSync(inRoot(folder, 'out.txt'), 'made');
    },
  });

beforeEach(() => {
  runs = 0;
  mkdirSync(inRoot(folder, 'in'), {recursive: true});
  writeFileSync(inRoot(folder, 'in/a'), 'a');
});
afterEach(() => {
  rmSync(inRoot(folder), {recursive: true});
  rmSync(path.join(buildDir, 'steps', `${name}.json`), {force: true});
});

test('a step runs once', async () => {
  assert.equal(await step(), true);
  assert.equal(await step(), false);
  assert.equal(runs, 1);
});

test('a step runs again when an input, an output or its tool changed', async () => {
  await step();
  const changes = [
    () => writeFileSync(inRoot(folder, 'in/a'), 'b'),
    () => writeFileSync(inRoot(folder, 'in/new'), ''),
    () => rmSync(inRoot(folder, 'in/new')),
    () => writeFileSync(inRoot(folder, 'out.txt'), 'broken'),
    () => rmSync(inRoot(folder, 'out.txt')),
  ];
  for (const change of changes) {
    change();
    assert.equal(await step(), true, String(change));
    assert.equal(await step(), false, String(change));
  }
  assert.equal(await step('newer'), true);
});

test('a step that fails is not fresh afterwards', async () => {
  const failing = {name, inputs: [`${folder}/in`], outputs: [], work: () => Promise.reject(new Error('no'))};
  await assert.rejects(runStep(failing));
  await assert.rejects(runStep(failing));
});
