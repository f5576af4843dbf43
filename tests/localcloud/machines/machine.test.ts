import assert from "node:assert/strict";
import { execFile, fork } from "node:child_process";
import { readdir, readFile, realpath, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { livingGroupMembers } from "../../../localcloud/machines/process-group.ts";
import { findStrays } from "../../../localcloud/machines/stray-processes.ts";
import { boot, eventually, finishedConsole, scriptLines, temporaryDirectory } from "./booted.ts";

test("user data runs once as a script, gzip or not, with its own interpreter", async (t) => {
  const script = `#!/bin/bash -e\necho "in \${PWD##*/} by bash $BASH_VERSION"\n`;
  for (const userData of [Buffer.from(script), gzipSync(script)]) {
    const machine = await boot(t, "", { userData });
    const lines = scriptLines(await finishedConsole(machine));
    assert.equal(lines.filter((line) => /^in root by bash \d/.test(line)).length, 1);
    await machine.stop();
  }
});

test("what is not a script is named on the console and not run", async (t) => {
  const machine = await boot(t, "#cloud-config\nruncmd: [touch, x]\n");
  assert.match(await finishedConsole(machine), /Unhandled non-multipart .*#cloud-config/);
});

test("a failing script is reported as cloud-init does, and the machine stays up", async (t) => {
  const machine = await boot(t, "#!/bin/sh\necho before\nexit 7\n");
  assert.match(await finishedConsole(machine), /\[WARNING\].*exited with 7/);
  assert.deepEqual(livingGroupMembers(machine.pid), [machine.pid]);
});

test("nothing of the host's environment reaches a machine", async (t) => {
  process.env.AWS_SECRET_ACCESS_KEY_OF_TEST = "leaked";
  t.after(() => delete process.env.AWS_SECRET_ACCESS_KEY_OF_TEST);
  const machine = await boot(t, "#!/bin/sh\nenv | cut -d= -f1\nls /proc/self/fd\n");
  const lines = scriptLines(await finishedConsole(machine));
  const names = lines.filter((line) => /^[A-Za-z_][A-Za-z_0-9]*$/.test(line));
  assert.deepEqual(names.filter((name) => !["PWD", "_", "SHLVL", "OLDPWD"].includes(name)).sort(), [
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "HOME",
    "HOST_DEV",
    "LANG",
    "LOCALCLOUD_MACHINE",
    "PATH",
    "SHELL",
    "TMPDIR",
  ]);
  // Standard input, output and error, and the folder that `ls` reads: not the lifeline, nor the
  // pipe after it. (What a shell above left open with a high number goes through every program.)
  assert.deepEqual(
    lines.filter((line) => /^\d$/.test(line)),
    ["0", "1", "2", "3"],
  );
});

test("the host's shutdown and its kin cannot be reached by any name", async (t) => {
  const names =
    "shutdown poweroff halt reboot init telinit systemctl systemd-run kexec busybox sudo";
  const directory = await temporaryDirectory(t);
  // Into a file: the console may tear a long line apart.
  const report = join(directory, "report");
  const machine = await boot(
    t,
    `#!/bin/bash
    for name in ${names}; do type -ap $name || echo "none $name"; done > ${report}
    echo "PATH $PATH" >> ${report}`,
    { directory },
  );
  await finishedConsole(machine);
  const lines = (await readFile(report, "utf8")).split("\n");
  const path =
    lines
      .find((line) => line.startsWith("PATH "))
      ?.slice(5)
      .split(":") ?? [];
  const [shims] = path;
  assert.ok(shims !== undefined && path.length === 3);
  for (const folder of path) assert.ok(folder.startsWith(join(shims, "..")), folder);
  for (const name of names.split(" ")) {
    const found = lines.filter((line) => line.endsWith(`/${name}`) || line === `none ${name}`);
    assert.deepEqual(found, [name === "busybox" ? "none busybox" : join(shims, name)], name);
  }
  // And no tool is one of them under another name.
  for (const folder of path) {
    for (const tool of await readdir(folder)) {
      const program = basename(await realpath(join(folder, tool)));
      if (folder !== shims) assert.ok(!names.split(" ").includes(program), `${tool} is ${program}`);
      else if (tool !== "node") {
        assert.match(await readFile(join(folder, tool), "utf8"), /^#!\/bin\/sh\n/);
      }
    }
  }
});

test("user data that goes around PATH is refused, not run", async (t) => {
  const ways = ["/sbin/shutdown -k now", "command -p true", "env -i true", "PATH=/usr/bin:/bin"];
  for (const way of ways) {
    const machine = await boot(t, `#!/bin/sh\necho "has ""run"\n${way}\n`);
    const text = await finishedConsole(machine);
    assert.match(text, /localcloud does not run this user data/, way);
    assert.doesNotMatch(text, /has run/);
    await machine.stop();
  }
});

test("shutdown ends every program, then tells localcloud once", async (t) => {
  let shutdowns = 0;
  const machine = await boot(
    t,
    "#!/bin/sh\n(trap '' TERM; while :; do sleep 1; done) &\nshutdown -P now\nsleep 60\n",
    {
      onShutdown: () => {
        shutdowns += 1;
        assert.deepEqual(livingGroupMembers(machine.pid), []);
      },
    },
  );
  await eventually("the shutdown", () => shutdowns > 0);
  await machine.stop();
  assert.equal(shutdowns, 1);
  assert.match(machine.consoleText(), /reboot: Power down\r\n/);
  assert.doesNotMatch(machine.consoleText(), /WARNING/, "being ended is no failure of the script");
});

test("every way to turn a machine off does so", async (t) => {
  for (const way of ["poweroff", "halt", "reboot", "systemctl poweroff -i", "shutdown -h +0"]) {
    const off = Promise.withResolvers<void>();
    await boot(t, `#!/bin/sh\n${way}\n`, { onShutdown: off.resolve });
    await off.promise;
  }
});

test("stop ends programs that ignore signals, closes the console and leaves no folder", async (t) => {
  const directory = await temporaryDirectory(t);
  await writeFile(join(directory, "disk"), "");
  let shutdowns = 0;
  const machine = await boot(
    t,
    "#!/bin/bash\ntrap '' TERM INT HUP\nnohup sleep 100 &\nnode -e 'process.on(\"SIGTERM\", () => {}); setInterval(() => {}, 1000); console.log(\"up\")'\n",
    { directory, onShutdown: () => (shutdowns += 1) },
  );
  await eventually("the program", () => machine.consoleText().includes("up\r\n"));
  assert.ok(livingGroupMembers(machine.pid).length >= 4);
  await Promise.all([machine.stop(), machine.stop()]);
  assert.deepEqual(livingGroupMembers(machine.pid), []);
  assert.deepEqual(await readdir(directory), ["disk"]);
  assert.equal(shutdowns, 0);
  await assert.rejects(fetch(machine.metadataEndpoint));
});

test("a program that left the process group is ended too", async (t) => {
  const directory = await temporaryDirectory(t);
  const daemon = `require("node:child_process").spawn("sleep", ["100"], { detached: true, stdio: "ignore" }).unref()`;
  const machine = await boot(t, `#!/bin/sh\nnode -e '${daemon}'\n`, { directory });
  await finishedConsole(machine);
  const setting = `LOCALCLOUD_MACHINE=${directory}`;
  assert.equal(findStrays(setting).length, 2, "the leader and the daemon");
  await machine.stop();
  assert.deepEqual(findStrays(setting), []);
});

test("a machine dies with its localcloud, even when that is killed", async (t) => {
  const directory = await temporaryDirectory(t);
  const cloud = fork(new URL("./one-machine-cloud.ts", import.meta.url), [directory], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  t.after(() => cloud.kill("SIGKILL"));
  const groupId = await new Promise<number>((resolve) => {
    cloud.once("message", (message) => resolve(Number(message)));
  });
  const setting = `LOCALCLOUD_MACHINE=${directory}`;
  // The leader, its waiting half, the script, programs that ignore signals, and one that starts
  // daemons without end, also while the others are looked for and killed.
  await eventually("its programs", () => findStrays(setting).length >= 8);
  assert.ok(livingGroupMembers(groupId).length >= 4);
  cloud.kill("SIGKILL");
  await eventually("their end", () => findStrays(setting).length === 0);
});

test("the disks are found by device name", async (t) => {
  const directory = await temporaryDirectory(t);
  const disks = [];
  for (const name of ["xvda", "sdf"]) {
    const path = join(directory, `vol-${name}`);
    await writeFile(path, `disk of ${name}`);
    disks.push({ deviceName: `/dev/${name}`, path });
  }
  const machine = await boot(t, `#!/bin/sh\nfor d in "$HOST_DEV"/*; do cat "$d"; echo; done\n`, {
    disks,
  });
  const lines = scriptLines(await finishedConsole(machine)).slice(0, 2);
  assert.deepEqual(lines, ["disk of sdf", "disk of xvda"]);
});

test("a machine that cannot boot leaves nothing running", async (t) => {
  const directory = await temporaryDirectory(t);
  const disks = [{ deviceName: "/dev/../../x", path: "/nowhere" }];
  await assert.rejects(boot(t, "#!/bin/sh\n", { directory, disks }), (error: Error) => {
    assert.match(error.message, /i-0123456789abcdef0 could not boot/);
    assert.match(String(error.cause), /disk named \/dev\/\.\.\/\.\.\/x/);
    return true;
  });
});

test("a flood of output is bounded by the console's ring", async (t) => {
  const machine = await boot(
    t,
    "#!/bin/sh\nhead -c 3000000 /dev/zero | tr '\\0' x\necho; echo last\n",
  );
  const text = await finishedConsole(machine);
  assert.ok(Buffer.byteLength(text) <= 64 * 1024);
  assert.match(text, /last\r\n/);
});

test("the test machine's own system is still up", async () => {
  // Trivial, and the point of it all: had a shutdown reached it, one would be scheduled.
  await new Promise<void>((resolve) => {
    execFile("test", ["-e", "/run/systemd/shutdown/scheduled"], (error) => {
      assert.ok(error !== null);
      resolve();
    });
  });
});
