import type {Segments} from './ops';
import type {ReportFileRequest, TakeRequest, TakeView} from './protocol.gen';

/** Files that are taken out of the page, piece by piece: see takeawayprotocol.go. */
export interface TakeawayOps {
  take: {request: TakeRequest; reply: TakeView};
  /** The next piece; the last has no segments. Segments begin with FROM_PATCH or ZEROS. */
  takeNext: {request: undefined; reply: Segments};
  takeEnd: {request: undefined; reply: TakeView};
  reportFile: {request: ReportFileRequest; reply: Uint8Array<ArrayBuffer>};
}
