import {existsSync, mkdirSync, renameSync} from 'node:fs';
import path from 'node:path';
import {buildDir} from '../paths.mjs';
import {must} from '../process.mjs';

/**
 * Images to measure with, made once and kept. They are sparse: nearly all of what `ls` says
 * of their size is holes.
 * @type {Record<string, {options: string, size: string}>}
 */
const recipes = {
  'metadata-1T': {options: 'preallocation=metadata', size: '1T'},
};

/**
 * The file of an image, which is made if it is not there.
 * @param {string} name
 */
export async function image(name) {
  const recipe = recipes[name];
  if (recipe === undefined) {
    throw new Error(`no image ${name}`);
  }
  const folder = path.join(buildDir, 'bench');
  const file = path.join(folder, `${name}.qcow2`);
  if (!existsSync(file)) {
    mkdirSync(folder, {recursive: true});
    const unfinished = `${file}.part`;
    await must(`Making ${name}`, 'qemu-img', ['create', '-q', '-f', 'qcow2', '-o', recipe.options, unfinished, recipe.size]);
    renameSync(unfinished, file);
  }
  return file;
}
