/**
 * One case: a stack lives until something goes wrong, then a person runs `up` or `destroy` again.
 * The rule: either the image is there and right, or one clear sentence said what happened, and after
 * that next operation not one thing of ours is left but what the state has.
 */

import type { Ec2 } from "../../dynamic-providers/ec2/ec2.ts";
import type { Limits } from "../../dynamic-providers/workflow/limits.ts";
import type { Recovery, Trouble, WatchedLife } from "./cases.ts";
import type { ChaosBench } from "./chaos-bench.ts";
import { HASTY } from "./chaos-bench.ts";
import { EngineTwin, type Operation } from "./engine-twin.ts";
import type { Life, LifeStep } from "./life.ts";
import { Fate, type ProviderProcess, startProviderProcess } from "./provider-process.ts";

export interface Verdict {
  /** Empty: the rule holds. */
  readonly broken: readonly string[];
  /** Whether the case's fault or blow came about: polling differs from run to run. */
  readonly happened: boolean;
  /** Whether somebody had to go on after it. */
  readonly recovered: boolean;
  /** How the disturbed operation ended. */
  readonly ended: Operation["ended"] | "undisturbed";
  readonly problems: readonly string[];
}

/** Lives a life without trouble and counts its calls. @throws Error when even that breaks the rule. */
export async function watchLife(bench: ChaosBench, life: Life): Promise<WatchedLife> {
  const fate = new Fate();
  const from = bench.cloud.calls.length;
  const world = new World(bench, fate);
  for (const step of life) {
    const { ended, problems } = await world.operate(step);
    if (ended !== "well")
      throw new Error(`an undisturbed ${step.kind} ended ${ended}: ${problems}`);
    await world.check(step);
  }
  if (world.broken.length > 0) throw new Error(world.broken.join("\n"));
  const calls = bench.cloud.calls.slice(from);
  const source = calls.find(({ region }) => region === "us-east-1");
  return { calls, sourceAccountId: source?.accountId ?? "", verbCount: fate.count };
}

export interface CaseOptions {
  readonly trouble: Trouble;
  readonly recovery: Recovery;
  /** A defect of the product, to see whether it is found, and limits at which to give up with it. */
  readonly defect?: Defect;
}

export interface Defect {
  readonly spoil: (ec2: Ec2) => Ec2;
  readonly limits: Limits;
}

export async function tryCase(
  bench: ChaosBench,
  life: Life,
  { trouble, recovery, defect }: CaseOptions,
): Promise<Verdict> {
  const { cloud } = bench;
  const fate = new Fate(trouble.blow);
  const world = new World(bench, fate, defect);
  await cloud.setFaults({ faults: trouble.faults });
  const firedBefore = cloud.firedFaults.length;
  const hasHappened = () => fate.struck || cloud.firedFaults.length > firedBefore;
  let disturbed: Operation | undefined;
  let recovered = false;
  try {
    for (const step of life) {
      const operation = await world.operate(step);
      if (disturbed === undefined && hasHappened()) {
        disturbed = operation;
        await cloud.setFaults({ faults: [] });
      }
      const isWarned = operation.warnings.some((text) =>
        text.startsWith("Could not be cleaned up"),
      );
      if (operation.ended === "well" && !isWarned) {
        await world.check(step);
        continue;
      }
      if (disturbed !== operation) world.breaks(`${step.kind} ended ${operation.ended} by itself`);
      if (operation.ended === "failed") world.checkSentence(operation);
      recovered = true;
      await world.recover(recovery === "up" ? lastUp(life, step) : { kind: "destroy" });
      break;
    }
    await world.endOfAll();
  } finally {
    await cloud.setFaults({ faults: [] });
  }
  return {
    broken: world.broken,
    happened: hasHappened(),
    recovered,
    ended: disturbed?.ended ?? "undisturbed",
    problems: disturbed?.problems ?? [],
  };
}

/** What `up` means after a failure of this step. */
function lastUp(life: Life, step: LifeStep): LifeStep {
  const before = life.slice(0, life.indexOf(step) + 1);
  return before.findLast(({ kind }) => kind === "up") ?? step;
}

/** A stack, its processes and what they broke. */
class World {
  readonly broken: string[] = [];
  readonly #bench: ChaosBench;
  readonly #fate: Fate;
  readonly #engine = new EngineTwin();
  readonly #processes: ProviderProcess[] = [];

  readonly #defect: Defect | undefined;

  constructor(bench: ChaosBench, fate: Fate, defect?: Defect) {
    this.#defect = defect;
    this.#bench = bench;
    this.#fate = fate;
  }

  breaks(what: string): void {
    this.broken.push(what);
  }

  async operate(step: LifeStep): Promise<Operation> {
    const process = startProviderProcess({
      environment: this.#bench.cloud.env,
      limits: HASTY,
      fate: this.#fate,
      ...this.#defect,
    });
    this.#processes.push(process);
    const operation = await this.#on(process, step);
    if (operation.ended !== "lost") await process.ended();
    return operation;
  }

  #on(process: ProviderProcess, step: LifeStep): Promise<Operation> {
    if (step.kind === "up") return this.#engine.up(process, step.copies);
    return step.kind === "refresh" ? this.#engine.refresh(process) : this.#engine.destroy(process);
  }

  /** After an operation that ended well: what is wanted is there, and nothing else. */
  async check(step: LifeStep): Promise<void> {
    const kept = new Set<string>();
    for (const [copy, index] of step.kind === "up" ? Object.entries(step.sources) : []) {
      const image = this.#engine.image(copy);
      if (image === undefined) {
        this.breaks(`${step.kind} ended well, and the state has no image of ${copy}`);
        continue;
      }
      for (const id of [image.imageId, ...image.snapshots.map((one) => one.snapshotId)]) {
        kept.add(id);
      }
      const faults = await this.#bench.faultsOf(image, this.#bench.sources[index]);
      for (const fault of faults) this.breaks(`after ${step.kind}: ${fault}`);
    }
    for (const line of await this.#bench.leftovers()) {
      if (!kept.has(line.split(" ")[2] ?? "")) this.breaks(`left after ${step.kind}: ${line}`);
    }
    if (step.kind === "destroy" && !this.#engine.isEmpty) this.breaks("the state is not empty");
  }

  /** One row tells, in words for a person. */
  checkSentence({ problems }: Operation): void {
    if (problems.length !== 1) this.breaks(`${problems.length} rows tell: ${problems.join(" | ")}`);
    for (const problem of problems) {
      const [, text = ""] = /^\w+: (.*)/s.exec(problem) ?? [];
      const isClear = /^[A-Z0-9]|^[a-z][\w.-]*:/.test(text) && /\s/.test(text);
      if (!isClear || /undefined|\[object|TypeError|^Error\b/i.test(text)) {
        this.breaks(`not a clear sentence: ${problem}`);
      }
    }
  }

  /** The operation after the trouble has to end well, whoever of the old ones still lives. */
  async recover(step: LifeStep): Promise<void> {
    let { ended, problems } = await this.operate(step);
    await this.#awaitOld();
    if (ended === "failed" && problems.every((one) => one.includes("Run `pulumi refresh`, then"))) {
      // A person does what the sentence says.
      await this.operate({ kind: "refresh" });
      ({ ended, problems } = await this.operate(step));
    }
    if (ended !== "well") return this.breaks(`the next ${step.kind} ${ended}: ${problems}`);
    await this.check(step);
  }

  /** Destroys what there is, and leaves no process behind. */
  async endOfAll(): Promise<void> {
    await this.#awaitOld();
    if (this.#engine.isEmpty && this.broken.length === 0) return;
    const destroy: LifeStep = { kind: "destroy" };
    const { ended, problems } = await this.operate(destroy);
    if (ended !== "well") this.breaks(`the last destroy ${ended}: ${problems}`);
    else await this.check(destroy);
  }

  async #awaitOld(): Promise<void> {
    for (const process of this.#processes) await process.ended();
  }
}
