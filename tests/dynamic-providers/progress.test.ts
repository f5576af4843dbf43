import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createProgress } from "../../dynamic-providers/progress.ts";
import { complete } from "./parts-twin.ts";

function shown(quiet: boolean) {
  const lines: string[] = [];
  let now = 0;
  const note = (_urn: string | undefined, text: string) => void lines.push(`note ${text}`);
  const log = {
    status: (urn: string, text: string) => void lines.push(`${urn} ${text}`),
    note,
    warn: note,
    isEngineThere: () => Promise.resolve(true),
  };
  const progress = createProgress({ log, quiet, now: () => now });
  progress.attach("image", "image");
  progress.attach("source", "source");
  const reports = (seconds: number, text: string) => {
    now = seconds * 1000;
    progress.report("image", text);
  };
  return { lines, progress, reports };
}

suite("progress", () => {
  test("shows a new step at once and new figures of a step now and then", () => {
    const { lines, reports } = shown(false);
    reports(0, "launching helpers");
    reports(0.1, "launching helpers");
    reports(0.2, "transfer: 1% · 100 Mbit/s · ETA 3m");
    reports(1, "transfer: 2% · 120 Mbit/s · ETA 2m");
    reports(5.3, "transfer: 9% · 400 Mbit/s · ETA 40s");
    reports(6, "transfer: 12% · 1.1 Gbit/s");
    reports(7, "snapshots: 10%");
    assert.deepEqual(lines, [
      "image launching helpers",
      "image transfer: 1% · 100 Mbit/s · ETA 3m",
      "image transfer: 9% · 400 Mbit/s · ETA 40s",
      "image snapshots: 10%",
    ]);
  });

  test("is a line a minute under CI, of whichever row", () => {
    const { lines, progress, reports } = shown(true);
    reports(0, "launching helpers");
    reports(30, "transfer: 1%");
    reports(61, "transfer: 5%");
    progress.report("source", "reading");
    reports(122, "snapshots");
    assert.deepEqual(lines, ["image launching helpers", "image transfer: 5%", "image snapshots"]);
  });

  test("of a row that has not come is not shown", () => {
    const { lines, progress } = shown(false);
    progress.report("destination", "writing");
    assert.deepEqual(lines, []);
  });

  test("ends with one line that stays, and what became of each attribute", () => {
    const { lines, progress } = shown(true);
    assert.ok(complete.kind === "complete");
    progress.summarize(complete.result);
    assert.deepEqual(lines, [
      "note ami-0123456789abcdef0 is ami-0fedcba9876543210 in us-gov-west-1: 1 volume, 5.0 MB read, 2.0 MB sent (300 kB of it twice), 42 s, digests equal\n  kept   boot mode",
    ]);
  });
});
