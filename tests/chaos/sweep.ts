/** Tries many cases one after the other, in an order that a seed decides, and counts what came of them. */

import { seededRandom } from "../../localcloud/seeded-random.ts";
import { ALL_KINDS, RECOVERIES, type Recovery, type Trouble, troublesOf } from "./cases.ts";
import { type ChaosBench, openChaosBench } from "./chaos-bench.ts";
import { LIVES } from "./life.ts";
import { tryCase, type Verdict, watchLife } from "./try-case.ts";

export interface SweepOptions {
  readonly seed: number;
  /** Of {@link ALL_KINDS}. @default all */
  readonly kinds?: readonly string[];
  /** Names of {@link LIVES}. @default all */
  readonly lives?: readonly string[];
  /** Only troubles whose name has this in it. */
  readonly only?: string;
  /** So many troubles are left out, as tried before. @default 0 */
  readonly from?: number;
  /** How many troubles at most. @default all of them */
  readonly runs?: number;
  /** Of the sample that a test takes. @default all, as long as it takes */
  readonly sample?: Sample;
  /** Cases at once, each lane in a localcloud of its own: a case mostly waits. @default 1 */
  readonly lanes?: number;
  readonly onTried?: (
    tried: TriedCase,
    count: { readonly at: number; readonly of: number },
  ) => void;
}

export interface Sample {
  /** None is begun later than so long after the start… */
  readonly ms: number;
  /** …but until so many have come about: a busy machine needs the time for a few several times over. */
  readonly atLeast: number;
}

/** A trouble, and a way to go on after it. */
export interface TriedCase extends Verdict {
  readonly life: string;
  readonly name: string;
  readonly kind: string;
  readonly recovery: Recovery;
  readonly durationMs: number;
}

export interface SweepResult {
  /** How many troubles there are. */
  readonly troubleCount: number;
  readonly tried: readonly TriedCase[];
}

/** How one breaks the rule, with the line that tries it again. */
export function describeBroken({ life, name, recovery, broken, problems }: TriedCase): string {
  const said = problems.length === 0 ? "" : `\n  it said: ${problems.join(" | ")}`;
  const again = `npm run chaos -- --lives ${life} --only '${name}'`;
  return `${life}: ${name}, then ${recovery}\n  ${broken.join("\n  ")}${said}\n  again: ${again}`;
}

export async function sweep(options: SweepOptions): Promise<SweepResult> {
  const { seed, kinds = ALL_KINDS, lives = Object.keys(LIVES), from = 0 } = options;
  const all: { life: string; trouble: Trouble }[] = [];
  for (const life of lives) {
    await using bench = await openChaosBench();
    const watched = await watchLife(bench, lifeOf(life)(bench));
    all.push(...troublesOf(watched, kinds).map((trouble) => ({ life, trouble })));
  }
  const wanted = all.filter(({ trouble }) => trouble.name.includes(options.only ?? ""));
  const chosen = shuffled(wanted, seed).slice(from, from + (options.runs ?? wanted.length));
  const tried: TriedCase[] = [];
  const startMs = performance.now();
  const isEnough = ({ ms, atLeast }: Sample) =>
    performance.now() - startMs > ms && tried.filter(({ happened }) => happened).length >= atLeast;
  const queue = inTurn(chosen, () => options.sample !== undefined && isEnough(options.sample));
  const lanes = Array.from({ length: options.lanes ?? 1 }, async () => {
    await using own = new FreshBench();
    // What is thrown ends the queue, and so the other lanes, too.
    for (const [index, { life, trouble }] of queue) {
      // Both ways come first equally often, since a sample may end between them.
      const recoveries = index % 2 === 0 ? RECOVERIES : RECOVERIES.toReversed();
      for (const recovery of recoveries) {
        const bench = await own.get();
        const startMs = performance.now();
        const verdict = await tryCase(bench, lifeOf(life)(bench), { trouble, recovery });
        const { name, kind } = trouble;
        const durationMs = performance.now() - startMs;
        const one = { ...verdict, life, name, kind, recovery, durationMs };
        tried.push(one);
        options.onTried?.(one, { at: index + 1, of: chosen.length });
        if (verdict.broken.length > 0) await own.renew();
        // Nobody had to go on, so there is no other way to.
        if (!verdict.recovered) break;
      }
    }
  });
  const failed = (await Promise.allSettled(lanes)).find(({ status }) => status === "rejected");
  if (failed?.status === "rejected") throw failed.reason;
  return { troubleCount: wanted.length, tried };
}

/** One list for all lanes. */
function* inTurn<Item>(items: readonly Item[], isEnough: () => boolean): Generator<[number, Item]> {
  for (const entry of items.entries()) {
    if (isEnough()) return;
    yield entry;
  }
}

function lifeOf(name: string) {
  const life = LIVES[name];
  if (life === undefined) throw new Error(`no life ${name}: there are ${Object.keys(LIVES)}`);
  return life;
}

/** What a broken case has left must not be taken for that of the next. */
class FreshBench implements AsyncDisposable {
  #bench: Promise<ChaosBench> | undefined;

  get(): Promise<ChaosBench> {
    this.#bench ??= openChaosBench();
    return this.#bench;
  }

  async renew(): Promise<void> {
    // One that could not be opened has told so to who wanted it.
    const bench = await this.#bench?.catch(() => undefined);
    await bench?.[Symbol.asyncDispose]();
    this.#bench = undefined;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.renew();
  }
}

/** By name, so that a call more or less in the life that was watched moves nothing else. */
function shuffled(
  items: readonly { readonly life: string; readonly trouble: Trouble }[],
  seed: number,
) {
  return items
    .map((item) => ({ item, place: seededRandom(`${seed} ${item.life} ${item.trouble.name}`)() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item);
}
