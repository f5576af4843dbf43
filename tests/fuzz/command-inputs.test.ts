/** What a person or another program gives the commands: options, key files, fault files, offers. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { askForList, offerFiles } from "../../cli/sealed-offer.ts";
import { readCommand } from "../../cli/tsunami-command.ts";
import { FaultPlanError, parseFaultPlan } from "../../localcloud/faults/fault-plan.ts";
import { type ControlMessage, openControl } from "../../tsunami/sealed/control.ts";
import { WAITS } from "../../tsunami/sealed/limits.ts";
import { fuzz, mutated, nearly } from "../support/fuzz.ts";
import { freePort } from "../support/loopback-sessions.ts";

const folder = mkdtempSync(join(tmpdir(), "amicopy-fuzz-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const keyFile = join(folder, "key");
const HEX = "ab".repeat(32);

test("any key file makes a key of 32 bytes, or a usage error that does not show it", async (t) => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((all) => Buffer.from(all)),
    mutated(Buffer.from(`${HEX}\n`)),
    fc.constant(Buffer.alloc(10_000, "a")),
  );
  const property = fc.property(bytes, (content) => {
    writeFileSync(keyFile, content);
    try {
      const command = readCommand(["serve", "--sealed", "--psk-file", "key", "f"], folder);
      assert.ok(command.name === "serve" && command.credentials.kind === "sealed");
      assert.equal(command.credentials.psk.length, 32);
    } catch (error) {
      assert.equal((error as Error).name, "UsageError", String(error));
      const shown = content.toString("latin1").trim();
      assert.ok(shown.length < 16 || !(error as Error).message.includes(shown.slice(0, 16)));
    }
  });
  await fuzz(t, property, 500);
});

test("any secret file makes a secret of what is in it, or a usage error", async (t) => {
  const bytes = fc.uint8Array({ maxLength: 300 });
  const property = fc.property(bytes, (content) => {
    writeFileSync(keyFile, content);
    const end = content.at(-1) === 0x0a ? content.length - 1 : content.length;
    try {
      const command = readCommand(["list", "h", "--secret-file", "key"], folder);
      assert.ok(command.name === "list" && command.credentials.kind === "classic");
      assert.deepEqual(Buffer.from(command.credentials.secret), Buffer.from(content.slice(0, end)));
    } catch (error) {
      assert.equal((error as Error).name, "UsageError", String(error));
      assert.equal(end, 0);
    }
  });
  await fuzz(t, property, 500);
});

test("a key file without an end is not read without end", () => {
  symlinkSync("/dev/zero", join(folder, "zeros"));
  for (const option of ["--secret-file", "--psk-file"]) {
    const argv = ["serve", option, "zeros", "f", ...(option === "--psk-file" ? ["--sealed"] : [])];
    assert.throws(() => readCommand(argv, folder), { name: "UsageError", message: /longer than/ });
  }
});

test("any command line is a command or a usage error", async (t) => {
  writeFileSync(keyFile, HEX);
  const word = fc.oneof(
    fc.constantFrom(
      ..."serve get list --port --rate --sealed --psk-file key --json --lossy --loss-window".split(
        " ",
      ),
      ..."--block-size --error --slowdown --speedup --history --udp-port --heartbeat --size".split(
        " ",
      ),
      ..."1 0 -1 65536 25/24 1/0 650M 1.5G host:1 [::1]:9 h:99999 --output --address -- -x".split(
        " ",
      ),
    ),
    fc.string({ maxLength: 8 }),
  );
  const property = fc.property(fc.array(word, { maxLength: 9 }), (argv) => {
    try {
      const command = readCommand(argv, folder);
      if (command.name === "get") {
        assert.ok(command.port > 0 && command.port < 65_536);
        assert.ok(
          command.parameters.blockSizeBytes >= 1 && command.parameters.rateBitsPerSecond > 0,
        );
        assert.ok(command.parameters.slower.denominator > 0);
      }
    } catch (error) {
      assert.equal((error as Error).name, "UsageError", String(error));
    }
  });
  await fuzz(t, property, 3000);
});

test("any fault file is a plan or an error in words", async (t) => {
  const plan = {
    seed: 7,
    faults: [
      { fault: "error", code: "InternalError", action: "RunInstances", nth: 1 },
      { fault: "throttle", burst: 3, perSecond: 1 },
      { fault: "capacity", code: "InsufficientInstanceCapacity" },
      { fault: "instance", does: "is-killed" },
    ],
  };
  assert.equal(parseFaultPlan(JSON.stringify(plan)).faults.length, plan.faults.length);
  const rule = fc.constantFrom(...plan.faults).chain((one) => nearly({ ...one }));
  const rules = fc
    .array(rule, { maxLength: 4 })
    .map((faults) => JSON.stringify({ ...plan, faults }));
  const text = fc.oneof(
    fc.json(),
    fc.string(),
    nearly(plan).map((value) => JSON.stringify(value)),
    rules,
    mutated(Buffer.from(JSON.stringify(plan))).map((bytes) => bytes.toString("latin1")),
  );
  const property = fc.property(text, (json) => {
    try {
      assert.ok(Array.isArray(parseFaultPlan(json).faults));
    } catch (error) {
      assert.ok(error instanceof FaultPlanError, String(error));
      assert.doesNotMatch(error.message, /\[object|Cannot read|is not a function/);
    }
  });
  await fuzz(t, property, 2000);
});

/** One exchange of an offer, in which the other side says `message` instead of what it should. */
async function exchange(listens: boolean, message: unknown): Promise<unknown> {
  const port = await freePort();
  const psk = Buffer.alloc(32, 3);
  const { signal } = new AbortController();
  const files = [{ name: "a", sizeBytes: 5 }];
  const basics = { port, psk, signal };
  const call = { peerAddress: "127.0.0.1", connectTimeoutMs: 20_000, onBusy: () => {} };
  const honest = listens
    ? offerFiles(async () => files, { ...basics, localAddress: "127.0.0.1" })
    : askForList({ ...basics, ...call });
  honest.catch(() => {});
  const other = await openControl(
    {
      ...{ listens: !listens, localAddress: "127.0.0.1", peerAddress: "127.0.0.1" },
      ...{ port, psk, pskIdentity: "tsunami-offer" },
    },
    { ...WAITS, connectMs: 20_000 },
    signal,
  );
  other.listen(
    () => {},
    () => {},
  );
  other.send(message as ControlMessage);
  try {
    const result = await honest;
    if (typeof result === "object" && result !== null && "met" in result) {
      await (result.met as { end(): Promise<void> }).end();
    }
    return result;
  } finally {
    await other.end();
  }
}

test("any word of a receiver to a serving program, and of a server to an asking one", async (t) => {
  const want = nearly({ type: "want", names: ["a"], rateCapBitsPerSecond: 1e6 });
  const offer = nearly({ type: "offer", files: [{ name: "a", sizeBytes: 5 }] });
  const item = nearly({ name: "a", sizeBytes: 5 }).map((file) => ({
    type: "offer",
    files: [file],
  }));
  const flood = fc.constant({ type: "want", names: Array.from({ length: 50_000 }, () => "*") });
  const said = fc.oneof(
    fc.tuple(fc.constant(true), fc.oneof(want, flood)),
    fc.tuple(fc.constant(false), fc.oneof(offer, item)),
  );
  const property = fc.asyncProperty(said, async ([listens, message]) => {
    try {
      await exchange(listens, message);
    } catch (error) {
      assert.equal((error as Error).name, "TransferError", String(error));
    }
  });
  await fuzz(t, property, 40);
});
