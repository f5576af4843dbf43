import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

const COMMAND = join(import.meta.dirname, "../../tools/pulumi-cli.ts");

/** A `go` that writes what it was asked into a log and "builds" a script; it can be made to hang. */
const FAKE_GO = `#!/bin/sh
echo "$*" >> "$FAKE_GO_LOG"
case "$1" in
  list) echo "go: downloading example.com/a v1.0.0" >&2; printf 'a\\nb\\nc\\n' ;;
  build)
    echo example.com/a >&2
    if [ -n "$FAKE_GO_FAILS" ]; then echo "a.go:1: no such thing" >&2; exit 1; fi
    if [ -n "$FAKE_GO_HANGS" ]; then echo $$ > "$FAKE_GO_HANGS"; exec sleep 60; fi
    while [ "$1" != "-o" ]; do shift; done
    echo '#!/bin/sh' > "$2"; chmod 755 "$2" ;;
esac
`;

interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

describe("the Pulumi CLI of a fresh machine", () => {
  let folder: string;
  const started: ChildProcess[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "amicopy-pulumi-cli-"));
    // Only what the scripts need: this machine's own pulumi and go must not be found.
    for (const name of ["sh", "sleep", "chmod", "cat"])
      program("bin", name, `exec /bin/${name} "$@"`);
  });

  afterEach(() => {
    for (const child of started.splice(0)) child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });

  function program(directory: string, name: string, text: string): void {
    mkdirSync(join(folder, directory), { recursive: true });
    const path = join(folder, directory, name);
    writeFileSync(path, text.startsWith("#!") ? text : `#!/bin/sh\n${text}\n`);
    chmodSync(path, 0o755);
  }

  function start(environment: Record<string, string> = {}): {
    child: ChildProcess;
    finished: Promise<Finished>;
  } {
    const child = spawn(process.execPath, [COMMAND], {
      env: {
        PATH: join(folder, "bin"),
        XDG_CACHE_HOME: join(folder, "cache"),
        FAKE_GO_LOG: join(folder, "go.log"),
        ...environment,
      },
    });
    started.push(child);
    const output = { stdout: "", stderr: "" };
    child.stdout.on("data", (data) => (output.stdout += data));
    child.stderr.on("data", (data) => (output.stderr += data));
    const { promise, resolve } = Promise.withResolvers<Finished>();
    child.on("close", (code) => resolve({ code, ...output }));
    return { child, finished: promise };
  }

  async function until(condition: () => boolean): Promise<void> {
    const limit = performance.now() + 10_000;
    while (!condition()) {
      assert.ok(performance.now() < limit, "waited 10 s in vain");
      await sleep(20);
    }
  }

  function goLog(): string[] {
    const path = join(folder, "go.log");
    return existsSync(path) ? readFileSync(path, "utf8").trimEnd().split("\n") : [];
  }

  function cacheEntries(): string[] {
    const path = join(folder, "cache/amicopy");
    return existsSync(path) ? readdirSync(path).sort() : [];
  }

  it("is the one on PATH when its language host is there too", async () => {
    for (const name of ["pulumi", "pulumi-language-nodejs", "pulumi-resource-pulumi-nodejs"]) {
      program("bin", name, "exit 0");
    }
    const { code, stdout } = await start().finished;
    assert.equal(code, 0);
    assert.equal(stdout.trim(), join(folder, "bin"));
    assert.deepEqual(cacheEntries(), []);
  });

  it("is built once, with all three programs, and found again", async () => {
    program("bin", "go", FAKE_GO);
    const first = await start().finished;
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stderr, /Building Pulumi 3\.\d+\.\d+ .*once/);
    const directory = first.stdout.trim();
    const built = ["pulumi", "pulumi-language-nodejs", "pulumi-resource-pulumi-nodejs"];
    assert.deepEqual(readdirSync(directory).sort(), built);
    assert.equal(goLog().length, 4);

    const second = await start().finished;
    assert.deepEqual(second, { code: 0, stdout: `${directory}\n`, stderr: "" });
    assert.equal(goLog().length, 4);
  });

  it("is built when the pulumi on PATH has no language host", async () => {
    program("bin", "go", FAKE_GO);
    program("bin", "pulumi", "exit 0");
    const { stdout } = await start().finished;
    assert.equal(dirname(stdout.trim()), join(folder, "cache/amicopy"));
  });

  it("says how to install Pulumi when there is no Go either", async () => {
    const { code, stderr } = await start().finished;
    assert.equal(code, 1);
    assert.match(stderr, /no Pulumi CLI on PATH and no Go.*Install Pulumi \(https:/s);
  });

  it("tells what Go said when the build fails, and leaves nothing", async () => {
    program("bin", "go", FAKE_GO);
    const { code, stderr } = await start({ FAKE_GO_FAILS: "1" }).finished;
    assert.equal(code, 1);
    assert.match(stderr, /exited with 1:.*a\.go:1: no such thing/s);
    assert.deepEqual(cacheEntries(), []);
  });

  it("is built by one of two who start together; the other says why it waits", async () => {
    program("bin", "go", FAKE_GO);
    const pidFile = join(folder, "go.pid");
    const first = start({ FAKE_GO_HANGS: pidFile });
    await until(() => existsSync(pidFile));
    const second = start();
    let said = "";
    second.child.stderr?.on("data", (data) => (said += data));
    await until(() => said.includes("waiting"));
    assert.match(said, new RegExp(`built by process ${first.child.pid}`));
    assert.equal(goLog().length, 2);
    // The builder is killed without a chance to clean up: the waiting one takes over.
    first.child.kill("SIGKILL");
    const result = await second.finished;
    process.kill(Number(readFileSync(pidFile, "utf8")), "SIGKILL");
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual(cacheEntries(), [result.stdout.trim().split("/").at(-1)]);
  });

  it("leaves neither compiler nor folder nor lock when it is interrupted", async () => {
    program("bin", "go", FAKE_GO);
    const pidFile = join(folder, "go.pid");
    const { child, finished } = start({ FAKE_GO_HANGS: pidFile });
    await until(() => existsSync(pidFile) && readFileSync(pidFile, "utf8") !== "");
    const goPid = Number(readFileSync(pidFile, "utf8"));
    child.kill("SIGINT");
    assert.equal((await finished).code, 130);
    await until(() => !isRunning(goPid));
    assert.deepEqual(cacheEntries(), []);
  });
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
