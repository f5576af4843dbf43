/**
 * Who is killed, how and when: by the real engine's progress lines, or after some time. From all of
 * them a seed draws a sample in which every step, every victim and both ways to go on occur.
 */

import type { ChildProcess } from "node:child_process";
import { seededRandom } from "../../localcloud/seeded-random.ts";
import { processesBelow } from "../security/watched-machines.ts";

/** What a progress line of an `up` shows, in the order in which a copy gets there. */
export const STEPS: readonly (readonly [string, RegExp])[] = [
  ["preflight", /checking both sides/],
  ["launching", /launching \S+ in /],
  ["starting", / i-[0-9a-f]{17} starting/],
  ["booting", / i-[0-9a-f]{17} booting/],
  ["waiting", /waiting for the other helper/],
  ["introduced", /introduced/],
  ["copying", /copying \d/],
  ["helper ends", / i-[0-9a-f]{17} terminated/],
  ["snapshots", /snapshots \d+%/],
  ["registering", /registering /],
  ["available", /ami-[0-9a-f]{17} available/],
  ["image's row", /CopiedImage golden creat(?:ed|ing)? .*\n.*ImageOwnership/],
];

/** Arguments of Pulumi's dynamic provider: a process of its own, somewhere below the CLI. */
export const PROVIDER_PATTERN = /cmd\/dynamic-provider/;

export const VICTIMS = {
  "Ctrl-C": (cli: ChildProcess) => void cli.kill("SIGINT"),
  "Ctrl-C twice": (cli: ChildProcess) => {
    cli.kill("SIGINT");
    setTimeout(() => cli.kill("SIGINT"), 300);
  },
  "kill -9 of the CLI": (cli: ChildProcess) => void cli.kill("SIGKILL"),
  "kill -9 of the provider": (cli: ChildProcess) => killProvider(cli),
  "kill -9 of both": (cli: ChildProcess) => {
    killProvider(cli);
    cli.kill("SIGKILL");
  },
} as const;

/** Nobody is killed: the stack is unlocked by hand, and a second `up` begins beside the first. */
export const RACE = "pulumi cancel and a second up";
export type Victim = keyof typeof VICTIMS | typeof RACE;

export interface Kill {
  readonly victim: Victim;
  /** A step's name, or milliseconds after the start of the operation. */
  readonly at: string | number;
  readonly recovery: "up" | "destroy";
}

export function describeKill({ victim, at, recovery }: Kill): string {
  const when = typeof at === "number" ? `after ${at} ms` : `at "${at}"`;
  return `${victim} ${when}, then ${recovery}`;
}

/**
 * Each step once before any comes twice, with victims in turn; every third at a random moment. The
 * ways to go on alternate, so that of each two operations the second begins where nothing is.
 */
export function drawKills(seed: number, count: number): Kill[] {
  const random = seededRandom(`kills ${seed}`);
  const order = <Item>(items: readonly Item[]) =>
    items.map((item) => ({ item, at: random() })).sort((a, b) => a.at - b.at);
  const steps = order(STEPS.map(([name]) => name));
  const victims = order([...Object.keys(VICTIMS), RACE] as Victim[]);
  return Array.from({ length: count }, (_, index) => {
    const victim = victims[index % victims.length]?.item ?? "Ctrl-C";
    const step = steps[index % steps.length]?.item ?? "copying";
    const at = index % 3 === 2 ? Math.round(500 + random() * 6000) : step;
    return { victim, at, recovery: index % 2 === 0 ? "up" : "destroy" };
  });
}

/** Calls once, when the step is shown or the time has come. @returns What to do at each output. */
export function watchFor(at: Kill["at"], strike: (cli: ChildProcess) => void) {
  let struck = false;
  const once = (cli: ChildProcess) => {
    if (struck) return;
    struck = true;
    strike(cli);
  };
  let timer: NodeJS.Timeout | undefined;
  const pattern = STEPS.find(([name]) => name === at)?.[1];
  return {
    onOutput(output: string, cli: ChildProcess) {
      if (typeof at === "number") timer ??= setTimeout(() => once(cli), at);
      else if (pattern?.test(output)) once(cli);
    },
    get struck() {
      return struck;
    },
    end: () => clearTimeout(timer),
  };
}

function killProvider(cli: ChildProcess): void {
  for (const { pid, args } of processesBelow(cli.pid ?? 0)) {
    if (!PROVIDER_PATTERN.test(args)) continue;
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended meanwhile.
    }
  }
}
