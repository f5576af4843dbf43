import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, open, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { DescribeVpcsCommand, EC2Client } from "@aws-sdk/client-ec2";

const PROGRAM = fileURLToPath(new URL("../../cli/localcloud.ts", import.meta.url));
const GIB_BYTES = 1024 ** 3;

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one command to its end, as a person does in the folder `cwd`. */
async function run(
  argv: readonly string[],
  { env = {}, cwd = tmpdir() }: { env?: Record<string, string>; cwd?: string } = {},
): Promise<Outcome> {
  const child = spawn(process.execPath, [PROGRAM, ...argv], {
    cwd,
    env: { PATH: process.env.PATH ?? "", ...env },
    timeout: 60_000,
  });
  const chunks: { stdout: string; stderr: string } = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => (chunks.stdout += chunk));
  child.stderr.on("data", (chunk) => (chunks.stderr += chunk));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, ...chunks };
}

interface Running {
  readonly process: ChildProcess;
  readonly env: Record<string, string>;
  /** Settles with the exit code. */
  readonly ended: Promise<number | null>;
  /** All that it has said to a person so far. */
  told(): string;
}

/** Starts a localcloud and reads the environment from its first line. */
async function start(t: TestContext, ...argv: string[]): Promise<Running> {
  const child = spawn(process.execPath, [PROGRAM, "start", "--json", ...argv], {
    env: { PATH: process.env.PATH ?? "", TMPDIR: process.env.TMPDIR ?? tmpdir() },
    stdio: ["pipe", "pipe", "pipe"],
    timeout: 120_000,
  });
  let said = "";
  child.stderr.on("data", (chunk) => (said += chunk));
  const ended = once(child, "close").then(([code]) => code as number | null);
  t.after(async () => {
    child.kill("SIGTERM");
    await ended;
  });
  let text = "";
  for await (const chunk of child.stdout) {
    text += chunk;
    if (text.includes("\n")) break;
  }
  const { env } = JSON.parse(text) as { env: Record<string, string> };
  return { process: child, env, ended, told: () => said };
}

test("it ends with the `npm run` that started it, whichever process the signal reached", async (t) => {
  const child = spawn("npm", ["run", "--silent", "localcloud", "--", "start", "--json"], {
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
    env: { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "", TMPDIR: tmpdir() },
    stdio: ["ignore", "pipe", "inherit"],
    timeout: 60_000,
  });
  t.after(() => child.kill("SIGKILL"));
  let text = "";
  child.stdout.on("data", (chunk) => (text += chunk));
  while (!text.includes("\n")) await once(child.stdout, "data");
  const { env } = JSON.parse(text) as { env: Record<string, string> };
  const directory = dirname(env.AWS_CONFIG_FILE ?? "");
  assert.ok(existsSync(directory));
  // The pipe's other end is also localcloud's: it closes when that has ended.
  const ended = once(child.stdout, "close");
  child.kill("SIGTERM");
  await ended;
  assert.equal(existsSync(directory), false);
});

async function folder(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "amicopy-cli-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

test("disks go in as an image and come out of its snapshots, byte by byte", async (t) => {
  const { env } = await start(t);
  const cwd = await folder(t);
  await writeFile(join(cwd, "root.raw"), Buffer.alloc(3 * 1024 * 1024 + 5, "root"));
  await writeFile(join(cwd, "data.raw"), "data");
  const imported = await run(
    [
      "import-image",
      "--region",
      "us-gov-west-1",
      "--account",
      "aws-us-gov-2",
      "--name",
      "golden",
    ].concat(["--disk", "/dev/xvda=root.raw", "--disk", "/dev/sdf=data.raw"]),
    { env, cwd },
  );
  assert.deepEqual([imported.code, imported.stderr], [0, ""]);
  assert.match(imported.stdout, /^ami-[0-9a-f]{17}\n$/);
  const imageId = imported.stdout.trim();

  const listed = await run(["list", "--json"], { env });
  const { regions } = JSON.parse(listed.stdout);
  assert.equal(regions.length, 1);
  assert.equal(regions[0].profile, "aws-us-gov-2");
  assert.equal(regions[0].region, "us-gov-west-1");
  const kinds = regions[0].things.map((thing: { kind: string }) => thing.kind).sort();
  assert.deepEqual(kinds, ["image", "snapshot", "snapshot"]);
  const table = await run(["list"], { env });
  assert.match(table.stdout, /^us-gov-west-1 {2}account \d{12} \(aws-us-gov-2\)\n/);
  assert.match(table.stdout, new RegExp(`image +${imageId} +(pending|available) .*golden`));

  const place = ["--region", "us-gov-west-1", "--account", "aws-us-gov-2"];
  const again = await run(["import-image", ...place, "--json", "--disk", "/dev/xvda=data.raw"], {
    env,
    cwd,
  });
  const { snapshotIds } = JSON.parse(again.stdout);
  const exported = await run(["export-snapshot", ...place, snapshotIds[0], "out.raw"], {
    env,
    cwd,
  });
  assert.equal(exported.code, 0, exported.stderr);
  const file = await open(join(cwd, "out.raw"));
  const { buffer } = await file.read(Buffer.alloc(6), 0, 6, 0);
  await file.close();
  assert.equal(String(buffer), "data\0\0");
  const status = await stat(join(cwd, "out.raw"));
  assert.equal(status.size, GIB_BYTES);
  assert.ok(status.blocks * 512 < 1024 * 1024, "holes stay holes");
});

test("what cannot be done is said in one line, with exit code 1", async (t) => {
  const { env } = await start(t);
  const cwd = await folder(t);
  await writeFile(join(cwd, "disk.raw"), "data");
  const disk = ["--disk", "/dev/xvda=disk.raw"];
  const cases: [string[], RegExp][] = [
    [["import-image", "--region", "us-mars-1", ...disk], /us-mars-1/],
    [["import-image", "--region", "us-east-1", "--account", "nobody", ...disk], /nobody/],
    [["import-image", "--region", "us-east-1", "--account", "aws-cn-1", ...disk], /aws-cn-1/],
    [["import-image", "--region", "us-east-1", "--disk", "/dev/xvda=no.raw"], /no\.raw/],
    [
      ["export-snapshot", "--region", "us-east-1", "snap-0123456789abcdef0", "x"],
      /snap-0123456789/,
    ],
  ];
  for (const [argv, message] of cases) {
    const { code, stdout, stderr } = await run(argv, { env, cwd });
    assert.equal(code, 1, argv.join(" "));
    assert.equal(stdout, "");
    assert.match(stderr, /^localcloud: [^\n]+\n$/);
    assert.match(stderr, message);
  }
  const { stdout } = await run(["list"], { env });
  assert.equal(stdout, "nothing has been made in this localcloud\n");
});

test("start ends cleanly with a signal, and its folder goes with it", async (t) => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    const cloud = await start(t);
    const directory = dirname(cloud.env.AWS_CONFIG_FILE ?? "");
    assert.ok(existsSync(directory));
    cloud.process.kill(signal);
    assert.equal(await cloud.ended, 0);
    assert.ok(!existsSync(directory), "its temporary folder is left");
    const { code, stderr } = await run(["list"], { env: cloud.env });
    assert.equal(code, 1);
    assert.match(stderr, /cannot be reached \(has ended\)/);
  }
});

test("start can be told to end with the program that started it", async (t) => {
  const cloud = await start(t, "--end-with-stdin");
  cloud.process.stdin?.end();
  assert.equal(await cloud.ended, 0);
});

test("several localclouds at once do not clash", async (t) => {
  const clouds = await Promise.all([start(t), start(t)]);
  const [first, second] = clouds.map((cloud) => cloud.env);
  assert.notEqual(first?.AWS_ENDPOINT_URL, second?.AWS_ENDPOINT_URL);
  const mixed = { ...first, AMICOPY_LOCALCLOUD_TOKEN: second?.AMICOPY_LOCALCLOUD_TOKEN ?? "" };
  const { code, stderr } = await run(["list"], { env: mixed });
  assert.equal(code, 1);
  assert.match(stderr, /AMICOPY_LOCALCLOUD_TOKEN is another one/);
});

test("without --json the environment comes as lines for a shell", async (t) => {
  const directory = join(await folder(t), "it's here");
  const child = spawn(process.execPath, [PROGRAM, "start", "--directory", directory], {
    env: { PATH: process.env.PATH ?? "" },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 60_000,
  });
  const ended = once(child, "close");
  let lines = "";
  child.stdout.on("data", (chunk) => (lines += chunk));
  const [hint] = await once(child.stderr, "data");
  assert.match(String(hint), /localcloud runs at http:\/\/127\.\d+\.0\.2:\d+ until Ctrl-C/);
  const shell = spawn("sh", ["-c", `${lines}\nprintf %s "$AWS_CONFIG_FILE"`]);
  let configFile = "";
  shell.stdout.on("data", (chunk) => (configFile += chunk));
  await once(shell, "close");
  assert.ok(configFile.startsWith(directory), configFile);
  assert.match(await readFile(configFile, "utf8"), /\[profile aws-us-gov-1\]/);
  child.kill("SIGTERM");
  await ended;
});

test("faults by hand: from a file at the start, told as they happen, replaced by another file", async (t) => {
  const cwd = await folder(t);
  const write = (name: string, document: unknown) =>
    writeFile(join(cwd, name), typeof document === "string" ? document : JSON.stringify(document));
  const gone = { fault: "error", action: "DescribeVpcs", code: "Gone", nth: 2 };
  await write("first.json", { faults: [gone] });
  await write("second.json", { faults: [{ ...gone, nth: 1, code: "GoneAgain" }] });
  await write("torn.json", '{"faults": [\u001b[2J');
  await write("wrong.json", { faults: [{ fault: "fire" }, { ...gone, colour: 1 }] });

  const { env, told } = await start(t, "--faults", join(cwd, "first.json"));
  const ec2 = new EC2Client({
    region: "us-east-1",
    endpoint: env.AWS_ENDPOINT_URL ?? "",
    credentials: {
      accessKeyId: env.SOURCE_AWS_ACCESS_KEY_ID ?? "",
      secretAccessKey: env.SOURCE_AWS_SECRET_ACCESS_KEY ?? "",
    },
  });
  t.after(() => ec2.destroy());
  const answer = async (): Promise<string> => {
    const call = ec2.send(new DescribeVpcsCommand({}));
    return call.then(
      () => "ok",
      (error: Error) => error.name,
    );
  };
  assert.deepEqual([await answer(), await answer(), await answer()], ["ok", "Gone", "ok"]);
  const line = "faults[0] error: DescribeVpcs aws-1 us-east-1: Gone\n";
  const shown = await run(["faults"], { env });
  assert.match(shown.stdout, /^20\S+Z faults\[0\] error: DescribeVpcs aws-1 us-east-1: Gone\n$/);
  assert.equal(told(), `localcloud: ${line}`);

  for (const [file, message] of [
    ["torn.json", /torn\.json: the faults are not valid: this is no JSON/],
    ["wrong.json", /faults\[0\]\.fault must name .*; faults\[1\]\.colour is not known here/],
    ["none.json", /the fault file \S+none\.json cannot be read/],
  ] as const) {
    for (const argv of [
      ["faults", file],
      ["start", "--faults", file],
    ]) {
      const { code, stdout, stderr } = await run(argv, { env, cwd });
      assert.deepEqual([code, stdout], [1, ""], argv.join(" "));
      assert.match(stderr, /^localcloud: [^\p{Cc}]+\n$/u);
      assert.match(stderr, message);
    }
  }
  assert.equal(await answer(), "ok", "what was refused has changed nothing");
  const { code, stderr } = await run(["faults", "second.json"], { env, cwd });
  assert.deepEqual([code, stderr], [0, ""]);
  assert.deepEqual([await answer(), await answer()], ["GoneAgain", "ok"]);
});

test("what is wrongly asked ends with exit code 2", async () => {
  const { code, stdout, stderr } = await run(["import-image", "--regoin", "us-east-1"]);
  assert.deepEqual([code, stdout], [2, ""]);
  assert.match(stderr, /--regoin/);
  const help = await run(["--help"]);
  assert.equal(help.code, 0);
  assert.match(help.stdout, /npm run localcloud -- start/);
});
