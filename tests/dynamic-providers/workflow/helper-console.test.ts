import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeConsoleLine, type HelperMessage } from "../../../agent/contract.ts";
import {
  consoleTail,
  HelperConsole,
  moreTelling,
} from "../../../dynamic-providers/workflow/helper-console.ts";
import { onlyVerbs, sampleInstance } from "./samples.ts";

const KEY = "A".repeat(43);
const HELLO: HelperMessage = { type: "hello", publicKey: KEY, node: "v26.10.0" };
const DIGEST = "ab".repeat(32);

function say(sequence: number, message: HelperMessage): string {
  return `${encodeConsoleLine({ sequence, message })}\n`;
}

/** A console over a text that the test changes, with the tags that were written. */
function makeConsole(side: "source" | "destination" = "source") {
  const machine = { text: "", state: "running", written: [] as object[] };
  const cloud = onlyVerbs({
    consoleOutput: async () => machine.text,
    setTags: async (_ids: string[], tags: object) => void machine.written.push(tags),
    describeInstances: async () => [sampleInstance({ state: machine.state })],
  });
  const undo = { dismiss() {} };
  const instance = sampleInstance();
  const helper = { side, instance, address: "192.0.2.1", listens: true, groupId: "sg-1", undo };
  return { machine, console: new HelperConsole(cloud, helper, 0) };
}

test("state lines are acknowledged up to the first gap, once, whatever surrounds them", async () => {
  const { machine, console } = makeConsole();
  machine.text = `login: [ 39.8] cloud-init[204]: ${say(1, HELLO)}noise${say(3, {
    type: "done",
    bytesRead: 1,
    bytesSent: 1,
    bytesResent: 0,
    durationMs: 1,
  })}`;
  await console.listen(1);
  assert.equal(console.hello?.publicKey, KEY);
  assert.ok(!("bytesRead" in Object(console.done)), "line 2 is missing still");
  await console.listen(2);
  machine.text += say(2, { type: "volume", index: 0, digest: DIGEST });
  await console.listen(3);
  assert.equal(console.digests.get(0), DIGEST);
  assert.equal(console.done?.bytesRead, 1);
  assert.deepEqual(machine.written, [{ "amicopy:ack": "1" }, { "amicopy:ack": "3" }]);
  assert.equal(console.heardAtMs, 3);
});

test("the same text again is no sign of life", async () => {
  const { machine, console } = makeConsole();
  machine.text = say(1, HELLO);
  await console.listen(10);
  machine.text += say(1, HELLO);
  await console.listen(20);
  assert.equal(console.heardAtMs, 10);
});

test("a second, other line with a known number is not believed", async () => {
  const { machine, console } = makeConsole();
  machine.text = say(1, HELLO) + say(1, { ...HELLO, publicKey: "B".repeat(43) } as HelperMessage);
  await console.listen(1);
  assert.equal(console.hello?.publicKey, KEY);
});

test("a failure of the boot script is heard although the agent never spoke", async () => {
  const { machine, console } = makeConsole();
  machine.text = say(999_999_999, { type: "failed", code: "boot", message: "no Node" });
  await console.listen(1);
  await assert.rejects(console.check(), (error: Error & { code?: string }) => {
    assert.equal(error.code, "helper-failed");
    assert.match(error.message, /^the source helper i-0+1 \(us-east-1\) failed: boot: no Node/);
    return true;
  });
  assert.deepEqual(machine.written, [], "there is no count to acknowledge");
});

test("a helper that is gone is told with its reason and the end of its console", async () => {
  const { machine, console } = makeConsole();
  machine.text = Array.from({ length: 30 }, (_, i) => `line ${i}`).join("\r\n");
  machine.state = "terminated";
  await assert.rejects(console.check(), (error: Error & { code?: string }) => {
    assert.equal(error.code, "helper-lost");
    assert.match(error.message, /is terminated; the end of its console:\n {2}\| line 10\n/);
    assert.match(error.message, /\| line 29$/);
    return true;
  });
});

test("the end of a console leaves out our own lines and repetitions, and keeps what is torn", () => {
  const own = say(1, HELLO);
  const text = `dnf: no mirror\n${own}dnf: no mirror\n${own}${own.slice(0, 60)}\n${own.repeat(30)}`;
  const lines = consoleTail(text).split("\n").slice(1);
  assert.deepEqual(lines, ["  | dnf: no mirror", `  | ${own.slice(0, 60)}`]);
  assert.equal(consoleTail(own), "; its console is empty");
});

test("when neither helper says what is wrong, the end of both consoles is told", async () => {
  const [source, destination] = [makeConsole("source"), makeConsole("destination")];
  source.machine.text = `source noise\n${say(1, { type: "failed", code: "peer-lost", message: "gone" })}`;
  destination.machine.text = "Out of memory: Killed process\n";
  Object.assign(destination.console.helper.instance, { instanceId: "i-00000000000000002" });
  await source.console.listen(1);
  const error = await moreTelling(source.console.failure(), [source.console, destination.console]);
  assert.match(
    String(error),
    /source helper .* failed: peer-lost: gone; the end of its console:\n/,
  );
  assert.match(
    String(error),
    /\nthe destination helper i-0+2 \(us-east-1\); the end of its console:\n {2}\| Out of memory/,
  );
});

test("a hostile console cannot move the reader's cursor", () => {
  const tail = consoleTail("\u001b[2J\u001b]0;owned\u0007 a\u0000b\u009b31m");
  assert.match(tail, /^[\x20-\x7e\n]+$/);
  assert.match(tail, /\\x1b\[2J\\x1b\]0;owned\\x07 a\\x00b\\x9b31m/);
});

test("of two failed helpers the one with the cause is told, not the one that lost its peer", async () => {
  const [source, destination] = [makeConsole("source"), makeConsole("destination")];
  source.machine.text = say(1, { type: "failed", code: "peer-lost", message: "gone" });
  destination.machine.text = say(1, { type: "failed", code: "disk-io", message: "EIO at 4096" });
  await source.console.listen(1);
  const error = await moreTelling(source.console.failure(), [source.console, destination.console]);
  assert.match(String(error), /destination helper .* failed: disk-io: EIO at 4096/);
});

for (const own of [true, false]) {
  const words = own ? "its own words" : "the words of the other";
  test(`of a full disk that both tell of, the helper that has it is named, in ${words}`, async () => {
    const [source, destination] = [makeConsole(), makeConsole("destination")];
    const full = "/dev/sdf: ENOSPC";
    const told = { type: "failed", code: "disk-io", message: `the peer gave up: ${full}` } as const;
    source.machine.text = say(1, told);
    if (own) destination.machine.text = say(1, { ...told, message: full });
    await source.console.listen(1);
    const consoles = [source.console, destination.console];
    const error = await moreTelling(source.console.failure(), consoles);
    assert.ok(error instanceof Error);
    const [sentence = ""] = error.message.split("\n");
    assert.match(
      sentence,
      /^the destination helper i-0+1 \(us-east-1\) failed: disk-io: \/dev\/sdf: /,
    );
    assert.doesNotMatch(sentence, /peer gave up/);
    assert.equal(sentence.includes("(as the source helper i-"), !own);
  });
}
