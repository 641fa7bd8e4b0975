// The parts of the File System Access API that the page uses where a browser has them.
interface SaveFilePickerOptions {
  suggestedName?: string;
  types?: {description: string; accept: Record<string, string[]>}[];
}

interface Window {
  showSaveFilePicker?: (options?: SaveFilePickerOptions) => Promise<FileSystemFileHandle>;
}

interface DataTransferItem {
  getAsFileSystemHandle?: () => Promise<FileSystemHandle | null>;
}
