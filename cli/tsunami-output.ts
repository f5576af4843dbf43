/** What a command of tsunami gets of its terminal. */
export interface TsunamiOutput {
  /** A line of the result, on standard output. */
  readonly say: (line: string) => void;
  /** A line for a person, on standard error. */
  readonly note: (line: string) => void;
  /** Ctrl-C. */
  readonly signal: AbortSignal;
}
