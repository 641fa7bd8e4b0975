import path from 'node:path';
import {fileURLToPath} from 'node:url';

/** The repository's root. */
export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/**
 * An absolute path in the repository.
 * @param {...string} parts
 */
export const inRoot = (...parts) => path.join(root, ...parts);

/** What our programs make and keep: step records, test images, reports. Not in git. */
export const buildDir = inRoot('build');

/** The built page. */
export const pageDir = inRoot('dist');
