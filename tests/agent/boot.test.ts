/** The boot script on localcloud's machines: each way to a Node, and each way not to get one. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import {
  BOOT_SEQUENCE,
  DEAD_MAN_GRACE_MINUTES,
  decodeConsoleLines,
  type Job,
} from "../../agent/contract.ts";
import { userDataFor } from "../../dynamic-providers/workflow/user-data.ts";
import type { Machine, MachineSpec } from "../../localcloud/machines/machine.ts";
import { makeUserData } from "../../tools/build.ts";
import { boot, eventually, temporaryDirectory } from "../localcloud/machines/booted.ts";

const BOOT_SCRIPT = readFileSync(new URL("../../agent/boot.sh", import.meta.url), "utf8");

/** Stands in for the agent: says what it got. */
const AGENT = `
import { readdirSync, statSync } from "node:fs";
const job = JSON.parse(process.argv[2]);
console.log(\`agent \${encodeURIComponent(job.run)} \${readdirSync(".").sort()} \${(statSync(".").mode & 0o777).toString(8)}\`);
`;

const job: Job = {
  version: 1,
  run: "0123456789abcdef",
  attempt: 1,
  side: "source",
  listens: true,
  port: 46224,
  disks: [{ deviceName: "/dev/sdf", sizeBytes: 2 ** 30 }],
  leaseMs: 1_800_000,
  timeoutMs: 7_200_001,
};

interface Boot {
  readonly node: MachineSpec["node"];
  readonly agent?: string;
  readonly nodeArchives?: Record<string, string>;
  readonly jobText?: string;
  readonly shell?: string;
  readonly keepMinutes?: number;
  readonly onShutdown?: () => void;
}

async function bootHelper(context: TestContext, options: Boot): Promise<Machine> {
  const { node, agent = AGENT, nodeArchives, shell = "/bin/sh" } = options;
  const template = makeUserData(BOOT_SCRIPT, agent).replace("#!/bin/sh", `#!${shell}`);
  const text = options.jobText ?? JSON.stringify(nodeArchives ? { ...job, nodeArchives } : job);
  const userData =
    options.keepMinutes === undefined
      ? gzipSync(template.replace("@JOB@", () => text))
      : Buffer.from(
          userDataFor(template, job, { maxBytes: 16_384, keepMinutes: options.keepMinutes }),
        );
  const { onShutdown = () => {} } = options;
  return await boot(context, "", { userData, node, onShutdown });
}

/** Waits for a text on the console; the error shows the console. */
async function read(machine: Machine, pattern: RegExp): Promise<string> {
  await eventually(`${pattern} on the console`, () => pattern.test(machine.consoleText()));
  return machine.consoleText();
}

async function readFailure(machine: Machine): Promise<string> {
  const line = await eventually("a failed line", () =>
    decodeConsoleLines(machine.consoleText()).find(({ message }) => message.type === "failed"),
  );
  assert.equal(line.sequence, BOOT_SEQUENCE);
  assert.ok(line.message.type === "failed" && line.message.code === "boot");
  return line.message.message;
}

/** An archive as nodejs.org packs it, whose `node` leads to the one that runs this test. */
async function makeArchive(context: TestContext): Promise<{ url: string; sha256: string }> {
  const folder = await temporaryDirectory(context);
  const bin = join(folder, "node-v26.10.0-linux-test/bin");
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, "node"), `#!/bin/sh\nexec '${process.execPath}' "$@"\n`, { mode: 0o755 });
  const archive = join(folder, "node.tar.gz");
  await promisify(execFile)("tar", ["-czf", archive, "-C", folder, "node-v26.10.0-linux-test"]);
  const sha256 = createHash("sha256").update(readFileSync(archive)).digest("hex");
  return { url: pathToFileURL(archive).href, sha256 };
}

function bothArchitectures(sha256: string, url: string): Record<string, string> {
  return { x86_64: `${sha256} ${url}`, aarch64: `${sha256} ${url}` };
}

test("a Node that is present runs the agent in a private folder, after the dead-man switch", async (context) => {
  const text = await read(await bootHelper(context, { node: "present" }), /agent 0123/);
  assert.match(text, /agent 0123456789abcdef agent\.mjs 700/);
  const minutes = Math.ceil(job.timeoutMs / 60_000) + DEAD_MAN_GRACE_MINUTES;
  assert.ok(text.includes(`Shutdown scheduled in ${minutes} min`), text);
  assert.ok(text.indexOf("Shutdown scheduled") < text.indexOf("agent 0123"));
  assert.doesNotMatch(text, /installing|fetching/);
});

test("the script runs the same in bash", { skip: !existsSync("/bin/bash") }, async (context) => {
  const machine = await bootHelper(context, { node: "present", shell: "/bin/bash" });
  await read(machine, /agent 0123456789abcdef/);
});

test("without a Node the distribution's package is installed", async (context) => {
  const text = await read(await bootHelper(context, { node: "package" }), /agent 0123456789abcdef/);
  assert.match(text, /amicopy: installing nodejs26/);
  assert.doesNotMatch(text, /nodejs24|fetching/);
});

test("an archive that is given is fetched first: packages may be out of reach, for minutes", async (context) => {
  const { sha256, url } = await makeArchive(context);
  const nodeArchives = bothArchitectures(sha256, url);
  const machine = await bootHelper(context, { node: "tarball", nodeArchives });
  const text = await read(machine, /agent 0123456789abcdef/);
  assert.match(text, /amicopy: fetching file:/);
  assert.doesNotMatch(text, /installing/);
});

test("one that is not there is made up for by the package", async (context) => {
  const nodeArchives = bothArchitectures("0".repeat(64), "file:///there/is/none.tar.gz");
  const machine = await bootHelper(context, { node: "package", nodeArchives });
  const text = await read(machine, /agent 0123456789abcdef/);
  assert.match(text, /amicopy: fetching file:[\s\S]*installing nodejs26/);
});

test("an archive with a wrong digest is refused, said, and the machine goes", async (context) => {
  const { sha256, url } = await makeArchive(context);
  const wrong = sha256.replace(/^./, (digit) => (digit === "0" ? "1" : "0"));
  const nodeArchives = bothArchitectures(wrong, url);
  const machine = await bootHelper(context, { node: "tarball", nodeArchives });
  assert.equal(await readFailure(machine), `SHA-256 of ${url} is wrong: refused`);
  const text = await read(machine, /Shutdown scheduled in 1 min/);
  assert.doesNotMatch(text, /agent 0123456789abcdef/);
});

test("a digest that is no digest is refused", async (context) => {
  const { url } = await makeArchive(context);
  const nodeArchives = bothArchitectures("*", url);
  const machine = await bootHelper(context, { node: "tarball", nodeArchives });
  assert.match(await readFailure(machine), /is wrong: refused/);
});

test("no way to a Node at all is said with the ways that were tried", async (context) => {
  const machine = await bootHelper(context, { node: "tarball" });
  assert.match(
    await readFailure(machine),
    /^no Node 22\.18 or later, no package of one, no archive for \w+$/,
  );
});

test("an archive that cannot be fetched is said", async (context) => {
  const nodeArchives = bothArchitectures("0".repeat(64), "http://127.0.0.1:1/node.tar.gz");
  const machine = await bootHelper(context, { node: "tarball", nodeArchives });
  assert.match(await readFailure(machine), /no Node 22\.18 or later/);
});

test("an agent that dies is said, and the machine goes", async (context) => {
  const machine = await bootHelper(context, { node: "present", agent: "process.abort()" });
  assert.match(await readFailure(machine), /^the agent died with code \d+$/);
  await read(machine, /Shutdown scheduled in 1 min/);
});

test("an agent that has said itself why it ends is not talked over", async (context) => {
  const agent = "console.log('ending'); process.exit(44)";
  const machine = await bootHelper(context, { node: "present", agent });
  const text = await read(machine, /ending[\s\S]*finished/);
  assert.deepEqual(decodeConsoleLines(text), []);
});

test("a job with quotes, dollars and backticks reaches the agent as it is", async (context) => {
  const run = "'\\\"$(id)`id`$HOME%s\\\\n";
  const machine = await bootHelper(context, {
    node: "present",
    jobText: `{"timeoutMs":60000,"run":"${run}"}`,
  });
  const text = await read(machine, /agent \S+ agent\.mjs/);
  assert.ok(text.includes(`agent ${encodeURIComponent(JSON.parse(`"${run}"`))} `));
});

test("a job without a sensible timeout has an hour all the same", async (context) => {
  for (const timeoutMs of ['"soon"', "-5", "1e99", "99999999999999", "null"]) {
    const jobText = `{"timeoutMs":${timeoutMs},"run":"r"}`;
    const machine = await bootHelper(context, { node: "present", jobText });
    assert.match(await read(machine, /agent r /), /Shutdown scheduled in 63 min/);
  }
});

test("the script names no program by an absolute path", () => {
  const body = BOOT_SCRIPT.split("\n").slice(1).join("\n");
  assert.doesNotMatch(
    body.replaceAll(/^\s*#.*$/gm, "").replaceAll("/dev/null", ""),
    /(^|[\s"'=])\/\w/m,
  );
});

const SHUTS_DOWN = `
import { spawnSync } from "node:child_process";
spawnSync("shutdown", ["-P", "now"], { stdio: "inherit" });
process.exit(25);
`;

for (const [what, options] of [
  ["whose boot script fails", { node: "tarball" }],
  ["whose agent fails", { node: "present", agent: SHUTS_DOWN }],
] as const) {
  test(`a helper ${what} stays for as long as it is to be looked into`, async (context) => {
    const machine = await bootHelper(context, { ...options, keepMinutes: 7 });
    const text = await read(machine, /kept for 7 minutes[\s\S]*Shutdown scheduled in 7 min/);
    const minutes = Math.ceil(job.timeoutMs / 60_000) + DEAD_MAN_GRACE_MINUTES;
    assert.ok(text.includes(`Shutdown scheduled in ${minutes} min`), "the dead-man switch as ever");
    assert.doesNotMatch(text, /Shutdown scheduled in 1 min/);
  });
}

test("the same agent ends a helper at once that nobody wants to look into", async (context) => {
  const off = Promise.withResolvers<void>();
  await bootHelper(context, { node: "present", agent: SHUTS_DOWN, onShutdown: off.resolve });
  await off.promise;
});
