/**
 * What a run has created and must not leave behind, last in, first out. An undo is registered on
 * the line after the call that created, before any wait.
 */

export interface Undo {
  /** The thing is gone, or stays on purpose. */
  dismiss(): void;
}

interface Entry {
  /** `instance i-0ab in us-east-1`: what stays behind if the undo fails. */
  readonly what: string;
  readonly when: "always" | "on-failure";
  readonly undo: () => Promise<void>;
  dismissed: boolean;
}

export class UndoStack {
  readonly #entries: Entry[] = [];

  /** For helpers and all that only they need: undone however the run ends. */
  always(what: string, undo: () => Promise<void>): Undo {
    return this.#push({ what, when: "always", undo, dismissed: false });
  }

  /** For products: undone only when the run fails. */
  onFailure(what: string, undo: () => Promise<void>): Undo {
    return this.#push({ what, when: "on-failure", undo, dismissed: false });
  }

  /**
   * Undoes everything that is due and goes on past failures. Never throws.
   *
   * @param spared - Ids of what stays on purpose.
   * @returns What could not be undone and why, a line each.
   */
  async run(failed: boolean, spared: ReadonlySet<string> = new Set()): Promise<string[]> {
    const leftBehind: string[] = [];
    for (let entry = this.#entries.pop(); entry; entry = this.#entries.pop()) {
      if (entry.what.split(" ").some((word) => spared.has(word))) continue;
      if (entry.dismissed || (entry.when === "on-failure" && !failed)) continue;
      try {
        await entry.undo();
      } catch (error) {
        leftBehind.push(`${entry.what}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    return leftBehind;
  }

  #push(entry: Entry): Undo {
    this.#entries.push(entry);
    return {
      dismiss() {
        entry.dismissed = true;
      },
    };
  }
}
