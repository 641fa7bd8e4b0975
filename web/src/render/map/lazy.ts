import type {Result} from '../../base/result';
import type {Problem} from '../../protocol/protocol.gen';

const IN_FLIGHT = 2;

/** Small answers of the core by a key, those used last kept; each is asked for once. */
export class Lazy<T> {
  private readonly known = new Map<string, T | null>();
  private readonly asked = new Set<string>();
  private queue: {key: string; ask: () => Promise<Result<T, Problem>>}[] = [];
  private ended = false;

  constructor(
    private readonly most: number,
    private readonly loaded: () => void,
  ) {}

  /** The answer; null while it has not come, or when there is none. Asks for it when that was not done before. */
  get(key: string, ask: () => Promise<Result<T, Problem>>): T | null {
    const known = this.known.get(key);
    if (known !== undefined) {
      this.known.delete(key);
      this.known.set(key, known);
      return known;
    }
    if (!this.asked.has(key) && !this.queue.some((waiting) => waiting.key === key)) {
      // What was wanted last is on screen now; what has waited longest may not be any more.
      this.queue = [{key, ask}, ...this.queue].slice(0, this.most);
      this.pump();
    }
    return null;
  }

  /** Answers are on their way. */
  get busy(): boolean {
    return this.asked.size > 0 || this.queue.length > 0;
  }

  /** The answer if it is there; never asks. */
  peek(key: string): T | null {
    return this.known.get(key) ?? null;
  }

  end(): void {
    this.ended = true;
    this.queue = [];
    this.known.clear();
  }

  private pump(): void {
    while (this.asked.size < IN_FLIGHT && this.queue.length > 0) {
      const next = this.queue.shift();
      if (next !== undefined) {
        this.asked.add(next.key);
        void this.load(next.key, next.ask);
      }
    }
  }

  private async load(key: string, ask: () => Promise<Result<T, Problem>>): Promise<void> {
    const reply = await ask();
    this.asked.delete(key);
    if (this.ended) {
      return;
    }
    this.known.set(key, reply.ok ? reply.value : null);
    const [oldest] = this.known.keys();
    if (this.known.size > this.most && oldest !== undefined) {
      this.known.delete(oldest);
    }
    this.loaded();
    this.pump();
  }
}
