import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { outputPlaces } from "../../cli/output-places.ts";
import { formatBytes, formatDuration, formatRate, printable } from "../../cli/transfer-meter.ts";
import { readCommand } from "../../cli/tsunami-command.ts";
import { readPlace, readRate } from "../../cli/tsunami-values.ts";

describe("tsunami's command line", () => {
  const folder = mkdtempSync(join(tmpdir(), "amicopy-tsunami-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const read = (...argv: string[]) => readCommand(argv, folder);
  const usage = (pattern: RegExp) => ({ name: "UsageError", message: pattern });

  it("has the original's defaults", () => {
    const command = read("get", "example.org", "a.bin");
    assert.ok(command.name === "get" && command.credentials.kind === "classic");
    assert.equal(command.host, "example.org");
    assert.equal(command.port, 46_224);
    assert.equal(Buffer.from(command.credentials.secret).toString(), "kitten");
    assert.deepEqual(command.parameters, {
      blockSizeBytes: 1024,
      rateBitsPerSecond: 650_000_000,
      errorThreshold: 7500,
      slower: { numerator: 25, denominator: 24 },
      faster: { numerator: 5, denominator: 6 },
    });
    assert.deepEqual(command.policy, { kind: "lossless" });
  });

  it("takes the parameters that the original's `set` knows", () => {
    const options = [
      "--rate",
      "1.5G",
      "--block-size",
      "1400",
      "--error",
      "12.5",
      "--speedup",
      "1/10",
    ];
    const more = ["--slowdown", "5/4", "--history", "50", "--lossy", "--loss-window", "250"];
    const command = read("get", "host:99", "a", "b", ...options, ...more);
    assert.ok(command.name === "get");
    assert.equal(command.port, 99);
    assert.deepEqual(command.files, ["a", "b"]);
    assert.equal(command.parameters.rateBitsPerSecond, 1_500_000_000);
    assert.equal(command.parameters.errorThreshold, 12_500);
    assert.deepEqual(command.parameters.faster, { numerator: 1, denominator: 10 });
    assert.deepEqual(command.policy, { kind: "lossy", windowMs: 250 });
    assert.equal(command.historyPercent, 50);
  });

  it("reads secrets from files only, and never repeats them", () => {
    writeFileSync(join(folder, "secret"), "s3cret!\n");
    writeFileSync(join(folder, "psk"), `${"0f".repeat(32)}\n`);
    writeFileSync(join(folder, "short"), "0f0f");
    writeFileSync(join(folder, "empty"), "\n");
    const classic = read("list", "host", "--secret-file", "secret");
    assert.ok(classic.name === "list" && classic.credentials.kind === "classic");
    assert.equal(Buffer.from(classic.credentials.secret).toString(), "s3cret!");
    const sealed = read("serve", "--sealed", "--psk-file", "psk", "a");
    assert.ok(sealed.name === "serve" && sealed.credentials.kind === "sealed");
    assert.equal(sealed.credentials.psk.length, 32);
    assert.throws(() => read("list", "h", "--secret-file", "empty"), usage(/is empty/));
    assert.throws(() => read("list", "h", "--secret-file", "none"), usage(/ENOENT/));
    assert.throws(
      () => read("list", "h", "--sealed", "--psk-file", "short"),
      (error: Error) => {
        assert.match(error.message, /64 hex digits/);
        assert.doesNotMatch(error.message, /0f0f/);
        return true;
      },
    );
    assert.throws(() => read("list", "h", "--sealed"), usage(/needs --psk-file/));
    assert.throws(() => read("list", "h", "--psk-file", "psk"), usage(/goes with --sealed/));
  });

  it("says what is wrong with an option", () => {
    writeFileSync(join(folder, "key"), "0f".repeat(32));
    const sealed = ["--sealed", "--psk-file", "key"];
    const wrong: readonly (readonly [RegExp, ...string[]])[] = [
      [/unknown command steal/, "steal"],
      [/serve needs a FILE/, "serve"],
      [/get needs HOST and a FILE/, "get", "host"],
      [/list needs one HOST/, "list", "a", "b"],
      [/--rate 5G/, "get", "h", "f", "--rate", "5G"],
      [/--rate 0/, "get", "h", "f", "--rate", "0"],
      [/--block-size 65502/, "get", "h", "f", "--block-size", "65502"],
      [/--block-size -1|ambiguous/, "get", "h", "f", "--block-size", "-1"],
      [/--speedup 1\/0/, "get", "h", "f", "--speedup", "1/0"],
      [/--loss-window goes with/, "get", "h", "f", "--loss-window", "5"],
      [/--port 65536/, "serve", "--port", "65536", "f"],
      [/--nonsense/, "serve", "--nonsense", "f"],
      [/--size goes with/, "serve", "--size", "5", "f"],
      [/--block-size is for/, "get", "h", "f", ...sealed, "--block-size", "1400"],
      [/--lossy is for/, "get", "h", "f", ...sealed, "--lossy"],
      [/--udp-port is for/, "get", "h", "f", ...sealed, "--udp-port", "5"],
      [/--heartbeat is for/, "serve", "f", ...sealed, "--heartbeat", "5"],
      [/\. cannot be read/, "list", "h", "--sealed", "--psk-file", "."],
    ];
    for (const [pattern, ...argv] of wrong) assert.throws(() => read(...argv), usage(pattern));
    assert.equal(read().name, "help");
    assert.equal(read("get", "--help").name, "help");
  });

  it("reads hosts with and without port", () => {
    assert.deepEqual(readPlace("10.0.0.1:5"), { host: "10.0.0.1", port: 5 });
    assert.deepEqual(readPlace("::1"), { host: "::1", port: 46_224 });
    assert.deepEqual(readPlace("[::1]:7"), { host: "::1", port: 7 });
    for (const text of ["", ":5", "a:b", "a:70000", "[::1"]) {
      assert.throws(() => readPlace(text), { name: "UsageError" });
    }
    assert.equal(readRate("--rate", "800k"), 800_000);
  });

  it("puts files where they belong, and never two in one place", () => {
    const place = (names: readonly string[], output?: string): string[] =>
      outputPlaces(names, { output, directory: "/work", files: names });
    assert.deepEqual(place(["/srv/a", "b"]), ["/work/a", "/work/b"]);
    assert.deepEqual(place(["x/a"], folder), [join(folder, "a")]);
    assert.deepEqual(place(["x/a"], join(folder, "copy")), [join(folder, "copy")]);
    assert.deepEqual(place(["a", "b"], "/dev/null"), ["/dev/null", "/dev/null"]);
    assert.throws(() => place(["a", "b"], join(folder, "copy")), usage(/no folder/));
    assert.throws(() => place(["x/a", "y/a"]), usage(/two of the files/));
    assert.throws(() => place(["../.."]), { code: "protocol" });
  });

  it("writes sizes, rates and times for people, and no control characters", () => {
    assert.equal(formatBytes(999), "999 B");
    assert.equal(formatBytes(1_500_000), "1.50 MB");
    assert.equal(formatBytes(42e12), "42.0 TB");
    assert.equal(formatRate(650e6), "650.0 Mbit/s");
    assert.equal(formatRate(4.29e9), "4.29 Gbit/s");
    assert.equal(formatDuration(61), "1 min 1 s");
    assert.equal(printable("a\x1b[2Jb\n"), "a?[2Jb?");
  });
});
