/** One value that changes, and who wants to know. */
export class Store<T> {
  private readonly listeners = new Set<() => void>();

  constructor(private current: T) {}

  get value(): T {
    return this.current;
  }

  set(next: T): void {
    if (!Object.is(next, this.current)) {
      this.current = next;
      for (const listener of this.listeners) {
        listener();
      }
    }
  }

  update(change: (current: T) => T): void {
    this.set(change(this.current));
  }

  /** Calls the listener at every change until the returned function is called. */
  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }
}
