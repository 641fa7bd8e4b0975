// The parts of the File System Access and File Handling APIs that the page uses where a browser has them.
interface SaveFilePickerOptions {
  suggestedName?: string;
  types?: {description: string; accept: Record<string, string[]>}[];
}

/** Files that the system opens with the installed page. */
interface LaunchQueue {
  setConsumer(consumer: (params: {files: readonly FileSystemHandle[]}) => void): void;
}

interface Window {
  launchQueue?: LaunchQueue;
  showSaveFilePicker?: (options?: SaveFilePickerOptions) => Promise<FileSystemFileHandle>;
}

interface DataTransferItem {
  getAsFileSystemHandle?: () => Promise<FileSystemHandle | null>;
}
