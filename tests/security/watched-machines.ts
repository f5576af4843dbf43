/**
 * localcloud's machines, watched: what each is given (user data, tags), what it says (console), and
 * with which arguments and environment its programs run. Also the arguments of every other process
 * below this one; their environments hold credentials by right, since that is how Pulumi gets them.
 */

import { readdirSync, readFileSync } from "node:fs";
import { type BootIsolated, bootInNamespaces } from "../../localcloud/isolation/isolation.ts";
import {
  type Machinery,
  type PlacedMachineSpec,
  REAL_MACHINERY,
} from "../../localcloud/machinery.ts";
import type { Machine } from "../../localcloud/machines/machine.ts";
import type { Trace } from "./secret-search.ts";

/** Programs of a boot live longer than this, but for some that only print. */
const LOOK_EVERY_MS = 150;
/** Every machine's programs have this variable, and nothing else does. */
const MACHINE_VARIABLE = "LOCALCLOUD_MACHINE=";

export interface MachineWatch {
  readonly machinery: Machinery;
  /** The same of machines in namespaces. */
  readonly bootIsolated: BootIsolated;
  /** Looks at all processes once more. */
  look(): void;
  traces(): Trace[];
  close(): void;
}

export function watchMachines(): MachineWatch {
  const traces = new Map<string, Trace>();
  const consoles: (() => Trace)[] = [];
  const add = (place: string, content: string | Uint8Array) => {
    const trace = { place, content };
    traces.set(`${place}\n${String(content)}`, trace);
  };
  const look = () => {
    for (const { pid, args, environment } of processesBelow(process.pid)) {
      const isMachine = environment.includes(MACHINE_VARIABLE);
      const name = args.split("\0")[0] ?? "";
      add(`arguments of ${name} ${isMachine ? "on a machine" : pid}`, args);
      if (isMachine) add(`environment of ${name} on a machine`, environment);
    }
  };
  const timer = setInterval(look, LOOK_EVERY_MS).unref();
  const boot = async (
    spec: PlacedMachineSpec,
    really: (spec: PlacedMachineSpec) => Promise<Machine>,
  ): Promise<Machine> => {
    const { instanceId, userData } = spec;
    add(`user data of ${instanceId}`, userData);
    const metadata = () => {
      const now = spec.metadata();
      add(`metadata and tags of ${instanceId}`, JSON.stringify(now));
      return now;
    };
    metadata();
    const machine = await really({ ...spec, metadata });
    const place = `console of ${instanceId}`;
    consoles.push(() => ({ place, content: machine.consoleText() }));
    return machine;
  };
  return {
    machinery: { ...REAL_MACHINERY, bootMachine: (spec) => boot(spec, REAL_MACHINERY.bootMachine) },
    bootIsolated: (spec, network, directory) =>
      boot(spec, (watched) => bootInNamespaces(watched, network, directory)),
    look,
    traces: () => [...traces.values(), ...consoles.map((console) => console())],
    close: () => clearInterval(timer),
  };
}

export interface SeenProcess {
  readonly pid: number;
  readonly args: string;
  readonly environment: string;
}

/** Every process that descends from one, with what it was started with. */
export function processesBelow(root: number): SeenProcess[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = readText(`/proc/${name}/stat`);
    // The program's name is in brackets and may hold anything.
    const parent = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1];
    parents.set(Number(name), Number(parent));
  }
  const isBelow = (pid: number): boolean => {
    const parent = parents.get(pid) ?? 0;
    return parent === root || (parent > 1 && isBelow(parent));
  };
  return [...parents.keys()].filter(isBelow).map((pid) => ({
    pid,
    args: readText(`/proc/${pid}/cmdline`),
    environment: readText(`/proc/${pid}/environ`),
  }));
}

function readText(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    // It has ended meanwhile.
    return "";
  }
}
