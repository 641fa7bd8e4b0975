/**
 * Asks questions one at a time, and of those that came meanwhile only the last: while a range is dragged, what is shown
 * keeps up with the pointer however long an answer takes.
 */
export class Latest<Question, Answer> {
  private waiting: {question: Question} | null = null;
  private running = false;
  private stopped = false;

  constructor(
    private readonly ask: (question: Question) => Promise<Answer>,
    private readonly tell: (question: Question, answer: Answer) => void,
  ) {}

  want(question: Question): void {
    this.waiting = {question};
    if (!this.running) {
      void this.run();
    }
  }

  /** Nobody wants to know any more. */
  stop(): void {
    this.stopped = true;
    this.waiting = null;
  }

  private async run(): Promise<void> {
    this.running = true;
    while (this.waiting !== null) {
      const {question} = this.waiting;
      this.waiting = null;
      const answer = await this.ask(question);
      if (!this.stopped) {
        this.tell(question, answer);
      }
    }
    this.running = false;
  }
}
