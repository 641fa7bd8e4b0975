import type {Result} from '../base/result';
import type {Op, Reply, Request} from '../protocol/ops';
import type {Problem, Progress} from '../protocol/protocol.gen';
import type {ImageFile} from './remote';

/** What the worker tells without being asked. */
export interface EngineEvents {
  progress(progress: Progress): void;
  /** The core has ended; the worker is of no more use. */
  ended(exitCode: number, lastWords: string): void;
}

/** What the worker can be asked for. Everything is asynchronous, since it is another thread. */
export interface EngineApi {
  /** Loads the core. Called once, before all else. */
  start(wasmUrl: string, events: EngineEvents): Promise<Result<true, Problem>>;
  /** Gives the file that the next operation works on. */
  attach(file: ImageFile): Promise<void>;
  /** Gives a file beside the image: the operations call it by its number, from 1 on. */
  attachBeside(number: number, file: File): Promise<void>;
  call<K extends Op>(op: K, request: Request<K>): Promise<Result<Reply<K>, Problem>>;
  /** Asks the running operation to end soon. */
  cancel(): Promise<void>;
  /** The repaired image: ranges of the file and new bytes, none of it held in memory. */
  repaired(): Promise<Result<Blob, Problem>>;
}
