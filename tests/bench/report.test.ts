import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { foreignCores } from "../../bench/foreign-cpu.ts";
import { queuePercentileMs } from "../../bench/link/long-link.ts";
import { gridPointId, POINTS } from "../../bench/points.ts";
import { writeReport } from "../../bench/report/performance-page.ts";
import { drawLines } from "../../bench/report/plot.ts";
import { followedAfterMs } from "../../bench/report/rate-steps.ts";
import { type ResultLine, Results, spreadOf } from "../../bench/report/results.ts";

function line(change: Partial<ResultLine>): ResultLine {
  return {
    at: "2026-01-01T00:00:00Z",
    machine: { model: "a machine", cores: 2 },
    pointId: "primary-500-200-1",
    peer: "sealed",
    run: 1,
    seed: 1,
    content: "random",
    sizeBytes: 2 ** 30,
    bytesMoved: 2 ** 30,
    complete: true,
    verified: "proved",
    wallMs: 20_000,
    goodputBitsPerSecond: 450e6,
    wireRatio: 1.04,
    senderCores: 0.3,
    receiverCores: 0.6,
    senderRssMiB: 100,
    receiverRssMiB: 100,
    foreignCores: 0.1,
    noisy: false,
    ...change,
  };
}

describe("bench results", () => {
  it("names every point once, and has a point for each cell of the grid", () => {
    const ids = POINTS.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    for (const rtt of [20, 80, 200]) {
      for (const loss of [0, 0.1, 1, 5, 10, 20]) assert.ok(ids.includes(gridPointId(rtt, loss)));
    }
  });

  it("takes the median and range of quiet runs, and of noisy ones only if there are no others", () => {
    assert.deepEqual(spreadOf([3, 1, 2]), { median: 2, least: 1, most: 3 });
    assert.deepEqual(spreadOf([4, 1]), { median: 2.5, least: 1, most: 4 });
    const noisy = line({ noisy: true, goodputBitsPerSecond: 1 });
    const quiet = new Results([line({}), noisy]).find("primary-500-200-1", "sealed");
    assert.equal(quiet?.goodput.least, 450e6);
    assert.equal(quiet?.noisy, false);
    assert.equal(new Results([noisy]).find("primary-500-200-1", "sealed")?.noisy, true);
    assert.equal(new Results([noisy]).find("primary-500-200-1", "uftp"), undefined);
  });

  it("takes a run that was measured again as it was measured last", () => {
    const folder = mkdtempSync(join(tmpdir(), "amicopy-results-"));
    try {
      const path = join(folder, "results.jsonl");
      const rates = [100e6, 200e6, 300e6];
      const lines = rates.map((goodputBitsPerSecond, index) =>
        JSON.stringify(line({ goodputBitsPerSecond, run: index === 1 ? 2 : 1 })),
      );
      writeFileSync(path, `${lines.join("\n")}\n`);
      const found = Results.read(path).find("primary-500-200-1", "sealed");
      assert.deepEqual(found?.goodput, { median: 250e6, least: 200e6, most: 300e6 });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("reads a percentile off the queue's histogram", () => {
    assert.equal(queuePercentileMs([90, 5, 4, 1], 0.95), 2);
    assert.equal(queuePercentileMs([], 0.95), 0);
  });

  it("sees how soon a flow follows its link down and up", () => {
    const timeline = Array.from({ length: 60 }, (_, index) => {
      const ms = index * 50;
      const out = ms <= 1000 ? 500 : ms <= 2500 ? 200 : 480;
      return [ms, out, ms > 1000 && ms <= 1200 ? 50 : 2] as const;
    });
    const rateSteps = [
      [1000, 200],
      [2000, 500],
    ] as const;
    const followed = [0, 1].map((step) => followedAfterMs({ timeline, rateSteps }, step));
    assert.deepEqual(followed, [300, 700]);
    assert.equal(followedAfterMs({ timeline, rateSteps: [[2700, 900]] }, 0), 200);
  });

  it("counts the processor time of nobody's", () => {
    const before = { atMs: 0, busyMs: 100, ownMs: 10 };
    assert.equal(foreignCores(before, { atMs: 1000, busyMs: 1100, ownMs: 210 }, 300), 0.5);
  });

  it("makes a page of them, with goals, commands and plots", async (test) => {
    const folder = mkdtempSync(join(tmpdir(), "amicopy-bench-"));
    test.after(() => rmSync(folder, { recursive: true, force: true }));
    const lines = [
      line({}),
      line({ peer: "classic", goodputBitsPerSecond: 300e6, verified: "compared" }),
      line({ peer: "scp-cubic", goodputBitsPerSecond: 1.3e6, complete: false, noisy: true }),
      line({ pointId: "grid-500-200-5", goodputBitsPerSecond: 440e6 }),
      line({ pointId: "compete-bbr", competitorBitsPerSecond: 200e6 }),
    ];
    const results = join(folder, "results.jsonl");
    writeFileSync(results, lines.map((one) => `${JSON.stringify(one)}\n`).join(""));
    await writeReport(results, folder);
    const page = readFileSync(join(folder, "performance.md"), "utf8");
    assert.match(page, /against classic mode, 200 ms, 1 % loss \| ≥ 1\.3 \| 1\.50 \| yes/);
    assert.match(page, /kept by a BBR flow, 80 ms \| ≥ 0\.3 \| 0\.400 \| yes/);
    assert.match(page, /scp-cubic \| 1024 \| 1\.30 † \(cut off\)/);
    assert.match(page, /`npm run bench -- --only primary`/);
    const plots = readdirSync(join(folder, "figures"));
    assert.ok(plots.includes("primary-500-200-1.svg") && plots.includes("loss-200ms.svg"));
  });

  it("draws every point inside the plot, and no markup out of names", () => {
    const axis = { label: "a < b", ticks: [0, 1, 10], even: true };
    const points = [
      [0, 0],
      [10, 10],
      [99, -5],
    ] as const;
    const svg = drawLines({ title: "<&>", x: axis, y: axis, series: [{ name: "x", points }] });
    assert.match(svg, /&lt;&amp;&gt;/);
    const [, path = ""] = /points="([^"]+)"/.exec(svg) ?? [];
    for (const place of path.split(" ")) {
      const [x = -1, y = -1] = place.split(",").map(Number);
      assert.ok(x >= 70 && x <= 590 && y >= 44 && y <= 344, place);
    }
  });
});
