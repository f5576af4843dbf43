import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeConsoleLines, encodeConsoleLine } from "../../../agent/contract.ts";
import { SerialConsole } from "../../../localcloud/machines/serial-console.ts";

function consoleOf(seed: string): SerialConsole {
  let nowMs = 1000;
  return new SerialConsole({ seed, hostName: "ip-127-1-0-5", now: () => (nowMs += 7) });
}

const LINES = Array.from({ length: 100 }, (_, index) =>
  encodeConsoleLine({
    sequence: index + 1,
    message: { type: "volume", index, digest: "ab".repeat(32) },
  }),
);

test("lines of the script carry cloud-init's prefix and end in CR LF", () => {
  const console = consoleOf("i-1");
  console.write(Buffer.from("hel"));
  console.write(Buffer.from("lo\nunfinished"));
  assert.match(console.text(), /\[ {3}12\.\d{6}\] cloud-init\[365\]: hello(\[.*)?\r\n/);
  assert.doesNotMatch(console.text(), /unfinished/);
  console.end();
  assert.match(console.text(), /cloud-init\[365\]: unfinished(\[.*)?\r\n/);
});

test("the same seed makes the same console, another one another", () => {
  const [first, again, other] = ["i-1", "i-1", "i-2"].map((seed) => {
    const console = consoleOf(seed);
    for (const line of LINES) console.write(Buffer.from(`${line}\n`));
    return console.text();
  });
  assert.equal(first, again);
  assert.notEqual(first, other);
});

test("noise glues and tears lines, and what is intact is still read", () => {
  let read = 0;
  let glued = 0;
  for (let seed = 0; seed < 50; seed += 1) {
    const console = consoleOf(`i-${seed}`);
    for (const line of LINES) console.write(Buffer.from(`${line}\n`));
    const text = console.text();
    read += decodeConsoleLines(text).length;
    if (/ login: \[ *\d/.test(text)) glued += 1;
  }
  assert.equal(glued, 50);
  assert.ok(read > 50 * 90, `${read} of 5000 were read`);
  assert.ok(read < 50 * 100, "nothing was ever torn");
});

test("a line said twice at once is read at least once", () => {
  for (let seed = 0; seed < 200; seed += 1) {
    const console = consoleOf(`i-${seed}`);
    for (const line of LINES.slice(0, 5)) console.write(Buffer.from(`${line}\n${line}\n`));
    const sequences = decodeConsoleLines(console.text()).map((line) => line.sequence);
    assert.deepEqual([...new Set(sequences)].sort(), [1, 2, 3, 4, 5], `seed i-${seed}`);
  }
});

test("only the last 64 KiB are kept, and a line without an end does not grow for ever", () => {
  const console = consoleOf("i-1");
  for (let count = 0; count < 100; count += 1) console.write(Buffer.alloc(10_000, "x"));
  console.write(Buffer.from("\nlast\n"));
  const text = console.text();
  assert.ok(Buffer.byteLength(text) <= 64 * 1024);
  assert.ok(Buffer.byteLength(text) > 60 * 1024);
  assert.match(text, /last(\[.*)?\r\n$/);
});

test("it can be asked for what it showed some time ago, also when that is long cut off", () => {
  let nowMs = 0;
  const console = new SerialConsole({ seed: "i-1", hostName: "a", now: () => nowMs });
  const at = (ms: number, text: string) => {
    nowMs = ms;
    console.write(Buffer.from(`${text}\n`));
  };
  at(1000, "first");
  at(2000, "second");
  nowMs = 3000;
  assert.match(console.text(0), /first.*second/s);
  assert.match(console.text(1500), /first/);
  assert.doesNotMatch(console.text(1500), /second/);
  assert.doesNotMatch(console.text(2500), /first/);
  assert.equal(console.text(5000), "");
  for (let ms = 4000; ms < 5000; ms++) at(ms, "x".repeat(400));
  at(6000, "last");
  assert.doesNotMatch(console.text(500), /last/, "a while ago it was not there");
  assert.match(console.text(500), /x{400}/);
  assert.equal(console.text(5500), "", "what was cut off is not known any more");
});

test("characters cut between two reads stay whole", () => {
  const console = consoleOf("i-1");
  const bytes = Buffer.from("grüße\n");
  console.write(bytes.subarray(0, 3));
  console.write(bytes.subarray(3));
  assert.match(console.text(), /grüße/);
});
