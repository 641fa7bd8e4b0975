import {expect, it} from 'vitest';
import {changeOf} from './watch';

const file = new File(['abc'], 'disk.qcow2', {lastModified: 1000});

const handleTo = (now: File) => ({getFile: () => Promise.resolve(now)}) as unknown as FileSystemFileHandle;

it('finds nothing about a file that is as it was', async () => {
  expect(await changeOf({file, handle: null})).toBeNull();
  expect(await changeOf({file, handle: handleTo(file)})).toBeNull();
});

it.each([
  ['size', new File(['abcd'], 'disk.qcow2', {lastModified: 1000})],
  ['time', new File(['abc'], 'disk.qcow2', {lastModified: 2000})],
])('notices another %s', async (_, now) => {
  expect(await changeOf({file, handle: handleTo(now)})).toMatchObject({kind: 'changed'});
});

it('notices a file that can no longer be read', async () => {
  const slice = () => ({arrayBuffer: () => Promise.reject(new DOMException('gone', 'NotReadableError'))});
  const gone = Object.assign(new File(['abc'], 'disk.qcow2'), {slice}) as unknown as File;
  expect(await changeOf({file: gone, handle: null})).toMatchObject({kind: 'changed'});
});
