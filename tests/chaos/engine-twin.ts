/**
 * Pulumi's engine as far as it matters to us, seen with the real one: rows with their inputs and
 * outputs, what is made, changed, replaced (the new one first) and deleted in which order, what a
 * failed step leaves in the state, and what is not in it when somebody is killed. The end-to-end
 * tests say the same with the real engine, in a thousandth of the cases.
 */

import { randomUUID } from "node:crypto";
import type { Providers } from "../../dynamic-providers/compose-providers.ts";
import type { ProviderName } from "../../dynamic-providers/stub.ts";
import type { CopiedImageFacts } from "../../dynamic-providers/workflow/copy-request.ts";
import type { ProviderProcess } from "./provider-process.ts";

/** Arguments of a CopiedAmi. */
export type CopyArgs = Readonly<Record<string, unknown>>;
/** The program: each of its copies by name. */
export type Copies = Readonly<Record<string, CopyArgs>>;

type RowName = "run" | "source" | "destination" | "image" | "ownership";
const PROVIDER = {
  run: "copyRun",
  source: "helperInstance",
  destination: "helperInstance",
  image: "copiedImage",
  ownership: "imageOwnership",
} as const satisfies Record<RowName, ProviderName>;

type Properties = Readonly<Record<string, unknown>>;

interface Row {
  readonly copy: string;
  readonly name: RowName;
  readonly id: string;
  readonly inputs: Properties;
  readonly outputs: Properties;
  /** Made, but not finished: the next operation goes on with it. */
  readonly isUnfinished: boolean;
  /** Replaced; to be deleted at the end. */
  readonly isOld: boolean;
}

/** What one operation said. */
export interface Operation {
  readonly ended: "well" | "failed" | "lost";
  /** A line for each row that told of a failure. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

export class EngineTwin {
  #rows: Row[] = [];
  readonly #stack: string;

  /** @param stack - Two of one name are one stack, of whose states the later written is the stack's. */
  constructor(stack: string = randomUUID()) {
    this.#stack = stack;
  }

  /** What the state holds of a copy's image. */
  image(copy: string): CopiedImageFacts | undefined {
    const row = this.#live(copy, "image");
    if (row?.outputs.outcome !== "complete") return undefined;
    return row.outputs.image as CopiedImageFacts;
  }

  get isEmpty(): boolean {
    return this.#rows.length === 0;
  }

  up(process: ProviderProcess, copies: Copies): Promise<Operation> {
    return this.#operate(process, async (work) => {
      await Promise.all(
        Object.entries(copies).map(([copy, args]) => work.declare(copy, { ...args })),
      );
      if (work.problems.length > 0) return;
      await work.remove((row) => row.isOld || !(row.copy in copies));
    });
  }

  refresh(process: ProviderProcess): Promise<Operation> {
    return this.#operate(process, (work) => work.refresh());
  }

  destroy(process: ProviderProcess): Promise<Operation> {
    return this.#operate(process, (work) => work.remove(() => true));
  }

  async #operate(
    process: ProviderProcess,
    body: (work: Work) => Promise<void>,
  ): Promise<Operation> {
    const work = new Work(process.providers, this);
    const ended = await Promise.race([
      process.track(body(work)).then(() => "here" as const),
      process.lost.then(() => "lost" as const),
    ]);
    work.isOver = true;
    const said = { problems: work.problems, warnings: process.warnings };
    if (ended === "lost") return { ended, ...said };
    return { ended: work.problems.length === 0 ? "well" : "failed", ...said };
  }

  #live(copy: string, name: RowName): Row | undefined {
    return this.#rows.find((row) => row.copy === copy && row.name === name && !row.isOld);
  }

  /** For {@link Work} only. */
  urn = (copy: string, row: string) => `urn:${this.#stack}:${copy}-${row}`;
  rows = {
    live: (copy: string, name: RowName) => this.#live(copy, name),
    all: () => this.#rows,
    put: (row: Row, instead?: Row) => {
      const at = instead === undefined ? -1 : this.#rows.indexOf(instead);
      if (at < 0) this.#rows.push(row);
      else this.#rows[at] = row;
    },
    delete: (row: Row) => {
      this.#rows = this.#rows.filter((one) => one !== row);
    },
  };
}

/** One operation. When its CLI is gone nothing changes the state any more, and nothing new is asked for. */
class Work {
  isOver = false;
  readonly problems: string[] = [];
  readonly #providers: Providers;
  readonly #engine: EngineTwin;

  constructor(providers: Providers, engine: EngineTwin) {
    this.#providers = providers;
    this.#engine = engine;
  }

  /** The rows of one CopiedAmi, as its constructor relates them. */
  async declare(copy: string, request: CopyArgs): Promise<void> {
    const before = this.#engine.rows.live(copy, "run");
    const rowUrn = this.#engine.urn(copy, "run");
    const runRow = await this.#step(copy, "run", { request, rowUrn });
    if (runRow === undefined) return;
    const isReplaced = before !== undefined && before.id !== runRow.id;
    const { run } = runRow.outputs;
    const progressUrn = (row: string) => this.#engine.urn(copy, row);
    const helper = (side: "source" | "destination") =>
      this.#step(copy, side, { request, run, side, progressUrn: progressUrn(side) }, isReplaced);
    const imageInputs = { request, run, progressUrn: progressUrn("image") };
    const [imageRow] = await Promise.all([
      this.#step(copy, "image", imageInputs, isReplaced),
      helper("source"),
      helper("destination"),
    ]);
    const facts = imageRow?.outputs.image as CopiedImageFacts | undefined;
    if (facts === undefined) return;
    const { imageId, snapshots } = facts;
    await this.#step(copy, "ownership", { request, run, imageId, snapshots }, isReplaced);
  }

  /** In the other order than they were made; what a failed one stands on stays. */
  async remove(isUnwanted: (row: Row) => boolean): Promise<void> {
    const copies = new Set(this.#engine.rows.all().map(({ copy }) => copy));
    await Promise.all(
      [...copies].map(async (copy) => {
        const unwanted = this.#engine.rows
          .all()
          .filter((row) => row.copy === copy && isUnwanted(row));
        for (const row of unwanted.toReversed()) {
          const isDone = await this.#try(row.name, async () => {
            await this.#of(row.name).delete?.(row.id, copyOf(row.outputs));
            if (!this.isOver) this.#engine.rows.delete(row);
            return true;
          });
          if (isDone !== true) return;
        }
      }),
    );
  }

  async refresh(): Promise<void> {
    for (const row of [...this.#engine.rows.all()]) {
      await this.#try(row.name, async () => {
        const seen = await this.#of(row.name).read?.(row.id, copyOf(row.outputs));
        if (this.isOver) return;
        if (!seen?.id) this.#engine.rows.delete(row);
        else this.#put({ ...row, outputs: copyOf(seen.props ?? {}) }, row);
      });
    }
  }

  /** @returns The row as it is then; `undefined` when it failed. */
  async #step(
    copy: string,
    name: RowName,
    given: Properties,
    isReplaced = false,
  ): Promise<Row | undefined> {
    const old = this.#engine.rows.live(copy, name);
    return this.#try(name, async () => {
      const provider = this.#of(name);
      const news = copyOf({ ...given, __provider: "stub" });
      const checked = await provider.check?.(copyOf(old?.inputs ?? {}), news);
      for (const { reason } of checked?.failures ?? []) this.problems.push(`${name}: ${reason}`);
      if ((checked?.failures?.length ?? 0) > 0) return undefined;
      const inputs = copyOf(checked?.inputs ?? news);
      if (old === undefined) return this.#create(copy, name, inputs);
      const diff = await provider.diff?.(old.id, copyOf(old.outputs), copyOf(inputs));
      if (isReplaced || (diff?.replaces ?? []).length > 0) {
        return this.#create(copy, name, inputs, old);
      }
      if (!diff?.changes && !old.isUnfinished) return this.#put({ ...old, inputs }, old);
      return this.#update(old, inputs);
    });
  }

  async #create(
    copy: string,
    name: RowName,
    inputs: Properties,
    old?: Row,
  ): Promise<Row | undefined> {
    const row = { copy, name, inputs, isUnfinished: false, isOld: false };
    try {
      const { id, outs = {} } = await this.#of(name).create(copyOf(inputs));
      if (old !== undefined) this.#put({ ...old, isOld: true }, old);
      return this.#put({ ...row, id, outputs: copyOf(outs) });
    } catch (error) {
      const unfinished = unfinishedOf(error);
      if (unfinished === undefined) throw error;
      if (old !== undefined) this.#put({ ...old, isOld: true }, old);
      this.#put({ ...row, ...unfinished, isUnfinished: true });
      throw error;
    }
  }

  async #update(old: Row, inputs: Properties): Promise<Row | undefined> {
    try {
      const answer = await this.#of(old.name).update?.(old.id, copyOf(old.outputs), copyOf(inputs));
      const outputs = copyOf(answer?.outs ?? {});
      return this.#put({ ...old, inputs, outputs, isUnfinished: false }, old);
    } catch (error) {
      const unfinished = unfinishedOf(error);
      if (unfinished !== undefined) {
        this.#put({ ...old, inputs, ...unfinished, isUnfinished: true }, old);
      }
      throw error;
    }
  }

  #put(row: Row, instead?: Row): Row {
    if (!this.isOver) this.#engine.rows.put(row, instead);
    return row;
  }

  async #try<Answer>(name: RowName, step: () => Promise<Answer>): Promise<Answer | undefined> {
    try {
      return await step();
    } catch (error) {
      if (!this.isOver) this.problems.push(`${name}: ${reasonOf(error)}`);
      return undefined;
    }
  }

  /** @throws Error when it is asked for by an engine that is gone: what it had asked for goes on, no more. */
  #of(name: RowName) {
    if (this.isOver) throw new Error("the engine is gone");
    return this.#providers[PROVIDER[name]];
  }
}

/** Everything goes through JSON on its way between engine, state and provider. */
function copyOf<Value extends object>(value: Value): Value {
  return JSON.parse(JSON.stringify(value));
}

interface InitFailure {
  readonly id?: unknown;
  readonly properties?: Properties;
  readonly reasons?: readonly string[];
}

function unfinishedOf(error: unknown): { id: string; outputs: Properties } | undefined {
  const { id, properties } = Object(error) as InitFailure;
  if (typeof id !== "string" || id === "") return undefined;
  return { id, outputs: copyOf(properties ?? {}) };
}

function reasonOf(error: unknown): string {
  const { reasons } = Object(error) as InitFailure;
  if (reasons !== undefined) return reasons.join("\n");
  return error instanceof Error ? error.message : String(error);
}
