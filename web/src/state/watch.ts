import {fileChanged} from '../engine/problems';
import {isRemote, isSameVersion} from '../engine/remote';
import type {ImageFile} from '../engine/remote';
import type {Problem} from '../protocol/protocol.gen';

/** A file that the user gave, and a handle to it if the browser has one; or an image on the server. */
export interface Source {
  file: ImageFile;
  handle: FileSystemFileHandle | null;
}

/**
 * Why the file is no longer what it was when it was opened, null if nothing speaks for that. Best effort: without a
 * handle, only browsers that compare the modification time at each read notice it.
 */
export async function changeOf(source: Source): Promise<Problem | null> {
  const {file, handle} = source;
  if (isRemote(file)) {
    return (await isSameVersion(file)) ? null : fileChanged(`${file.name} is not version ${file.etag} any more`);
  }
  try {
    if (handle !== null) {
      const now = await handle.getFile();
      if (now.size !== file.size || now.lastModified !== file.lastModified) {
        const was = `was ${file.size} bytes, modified ${stamp(file)}`;
        return fileChanged(`${was}; is ${now.size} bytes, modified ${stamp(now)}`);
      }
    }
    await file.slice(0, 1).arrayBuffer();
    return null;
  } catch (error) {
    return fileChanged(String(error));
  }
}

function stamp(file: File): string {
  return new Date(file.lastModified).toISOString();
}
