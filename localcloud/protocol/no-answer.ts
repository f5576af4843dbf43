/** The connection is to be closed without an answer: what a client sees of a lost packet too many. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
  readonly afterMs: number;

  constructor(afterMs: number) {
    super("this call gets no answer");
    this.afterMs = afterMs;
  }
}
