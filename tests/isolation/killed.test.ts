/** An isolated localcloud by hand: whatever ends it, its machines and their namespaces end too. */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { suite, type TestContext, test } from "node:test";
import { EC2Client } from "@aws-sdk/client-ec2";
import { launch } from "../localcloud/conformance-cloud.ts";
import {
  areInhabited,
  consoleOf,
  eventually,
  type HeldNamespaces,
  holdNamespacesOf,
  obstacle,
  processesOf,
} from "./isolated-cloud.ts";

const PROGRAM = join(import.meta.dirname, "../../cli/localcloud.ts");

interface RunningCloud {
  readonly process: ChildProcess;
  readonly directory: string;
  readonly namespaces: HeldNamespaces;
}

/** One with a machine in it, of which a program has left the process group. */
async function start(t: TestContext): Promise<RunningCloud> {
  const parent = mkdtempSync(join(tmpdir(), "amicopy-killed-"));
  t.after(() => rmSync(parent, { recursive: true, force: true }));
  const directory = join(parent, "cloud");
  const args = ["start", "--json", "--isolation", "namespaces", "--directory", directory];
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  const lines = createInterface({ input: child.stdout });
  const [line] = await Promise.race([once(lines, "line"), once(lines, "close")]);
  const { env } = JSON.parse(String(line)) as { env: Record<string, string> };
  const ec2 = new EC2Client({
    region: "us-east-1",
    endpoint: env.AWS_ENDPOINT_URL ?? "",
    credentials: {
      accessKeyId: env.SOURCE_AWS_ACCESS_KEY_ID ?? "",
      secretAccessKey: env.SOURCE_AWS_SECRET_ACCESS_KEY ?? "",
    },
  });
  t.after(() => ec2.destroy());
  const daemon = `require("node:child_process").spawn("sleep", ["500"], { detached: true, stdio: "ignore" }).unref()`;
  const script = `#!/bin/sh\nnode -e '${daemon}'\necho UP\nsleep 500\n`;
  const UserData = Buffer.from(script).toString("base64");
  const { InstanceId: id = "" } = await launch(ec2, { UserData });
  await eventually("the machine is up", async () => (await consoleOf(ec2, id)).includes("UP"));
  const namespaces = holdNamespacesOf(basename(parent));
  t.after(() => namespaces[Symbol.dispose]());
  assert.ok(namespaces.names.size >= 2 && areInhabited(namespaces));
  return { process: child, directory: basename(parent), namespaces };
}

async function assertNothingLeft({ directory, namespaces }: RunningCloud): Promise<void> {
  await eventually("no process is left", () => processesOf(directory).length === 0);
  await eventually("no namespace is left", () => !areInhabited(namespaces));
}

suite("an isolated localcloud by hand", { timeout: 120_000, skip: obstacle }, () => {
  test("killed outright, it leaves no process and no namespace", async (t) => {
    const cloud = await start(t);
    cloud.process.kill("SIGKILL");
    await assertNothingLeft(cloud);
  });

  test("ended by Ctrl-C, it leaves no folder either, and exits with 0", async (t) => {
    const cloud = await start(t);
    const ended = once(cloud.process, "exit");
    cloud.process.kill("SIGINT");
    assert.deepEqual(await ended, [0, null]);
    await assertNothingLeft(cloud);
    assert.ok(!existsSync(join(tmpdir(), cloud.directory, "cloud")));
  });
});
