/** Machines for these tests: booted in a folder of their own, ended and removed with the test. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  bootMachine,
  type Machine,
  type MachineMetadata,
  type MachineSpec,
} from "../../../localcloud/machines/machine.ts";

/** A loopback network that no localcloud takes (they take 127.A.0.0/16 with other A), by process. */
let nextHost = 2;
const NETWORK = `127.254.${1 + (process.pid % 250)}`;

export function freeAddress(): string {
  nextHost += 1;
  return `${NETWORK}.${nextHost}`;
}

/** @param release - What must end before the folder can go: hooks run in the order of their making. */
export async function temporaryDirectory(
  test: TestContext,
  release: () => unknown = () => undefined,
): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "amicopy-machine-"));
  test.after(async () => {
    await release();
    await rm(directory, { recursive: true, force: true });
  });
  return directory;
}

export function metadataOf(address: string): MachineMetadata {
  return {
    instanceId: "i-0123456789abcdef0",
    imageId: "ami-0123456789abcdef0",
    instanceType: "c7g.large",
    region: "us-gov-west-1",
    availabilityZone: "us-gov-west-1a",
    localIpv4: address,
    publicIpv4: address,
    securityGroups: ["amicopy-0123456789abcdef-1"],
    tags: { "amicopy:run": "0123456789abcdef" },
  };
}

/** Boots a machine with a shell script as its user data. */
export async function boot(
  test: TestContext,
  script: string,
  overrides: Partial<MachineSpec> = {},
): Promise<Machine> {
  let machine: Machine | undefined;
  const directory = await temporaryDirectory(test, () => machine?.stop());
  const address = freeAddress();
  machine = await bootMachine({
    instanceId: "i-0123456789abcdef0",
    directory,
    userData: Buffer.from(script),
    address,
    disks: [],
    node: "present",
    metadata: () => metadataOf(address),
    onShutdown: () => {},
    ...overrides,
  });
  return machine;
}

/** Polls, since a machine tells nobody when its console has grown. */
export async function eventually<T>(what: string, look: () => T | undefined | false): Promise<T> {
  const deadline = performance.now() + 15_000;
  for (;;) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await sleep(10);
  }
}

/** Waits until the user data has ended, and gives the console without what others wrote into it. */
export async function finishedConsole(machine: Machine): Promise<string> {
  await eventually("the end of the user data", () =>
    machine.consoleText().includes("Cloud-init v. 22.2.2 finished"),
  );
  return machine.consoleText();
}

/** The lines a script wrote, without prefixes, noise and glue. */
export function scriptLines(consoleText: string): string[] {
  return [...consoleText.matchAll(/cloud-init\[365\]: ([^\r\n]*)\r\n/g)].map(
    ([, line]) =>
      // A status line of the init system, glued to its end.
      (line ?? "").split("[\u001b")[0] ?? "",
  );
}
