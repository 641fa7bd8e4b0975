import type {Source} from './watch';

/** The files of a drop or a paste. With handles, if the browser has them, a later change of a file can be noticed. */
export async function sourcesOf(data: DataTransfer | null): Promise<Source[]> {
  // The list is emptied as soon as the event is over.
  const items = [...(data?.items ?? [])].filter((item) => item.kind === 'file');
  const files = [...(data?.files ?? [])];
  const handles = await Promise.all(items.map(handleOf));
  return files.map((file, i) => {
    const handle = handles[i];
    return {file, handle: handle instanceof FileSystemFileHandle ? handle : null};
  });
}

async function handleOf(item: DataTransferItem): Promise<FileSystemHandle | null> {
  return (await item.getAsFileSystemHandle?.().catch(() => null)) ?? null;
}

/** The files that the system opened with the installed page; those that cannot be read are left out. */
export async function launchedSources(handles: readonly FileSystemHandle[]): Promise<Source[]> {
  const sources = await Promise.all(
    handles.map(async (handle) => {
      if (!(handle instanceof FileSystemFileHandle)) {
        return null;
      }
      const file = await handle.getFile().catch(() => null);
      return file === null ? null : {file, handle};
    }),
  );
  return sources.filter((source) => source !== null);
}
