import assert from "node:assert/strict";
import { channel } from "node:diagnostics_channel";
import { afterEach, suite, test } from "node:test";
import { type Cancellation, watchForCancellation } from "../../dynamic-providers/cancellation.ts";

const http2Streams = channel("http2.server.stream.start");

let watched: Cancellation | undefined;

function watch(isEngineThere = () => Promise.resolve(true)) {
  const exit = Promise.withResolvers<number>();
  watched = watchForCancellation({ isEngineThere, exit: exit.resolve, pace: 0.001 });
  return { ...watched, exited: exit.promise };
}

/** Work that ends when it is told to stop. */
function workUntil(signal: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(signal.reason.message));
  });
}

suite("a run is stopped", { timeout: 60_000 }, () => {
  afterEach(() => watched?.dispose());

  test("by the Cancel call of a first Ctrl-C", async () => {
    const { signal, guard } = watch();
    const work = guard(workUntil(signal));
    http2Streams.publish({ headers: { ":path": "/pulumirpc.ResourceProvider/Create" } });
    assert.equal(signal.aborted, false);
    http2Streams.publish({ headers: { ":path": "/pulumirpc.ResourceProvider/Cancel" } });
    assert.equal(await work, "The copy was cancelled.");
    assert.equal(signal.reason.code, "stopped");
  });

  test("by an interrupt, and the process leaves when the run has ended", async () => {
    const { signal, guard, exited } = watch();
    const work = guard(workUntil(signal));
    process.emit("SIGINT");
    assert.equal(await work, "The copy was interrupted.");
    assert.equal(await exited, 130);
  });

  test("by the silence of an engine that is gone, and the process leaves", async () => {
    let beats = 0;
    const { signal, guard, exited } = watch(async () => {
      beats += 1;
      return false;
    });
    const work = guard(workUntil(signal));
    assert.equal(await work, "The Pulumi engine is gone, so the copy was stopped.");
    assert.equal(beats, 3);
    assert.equal(await exited, 1);
  });

  test("not by two silences of a busy engine", async () => {
    const answers = [false, false, true, false, false, true];
    const { signal, guard } = watch(async () => answers.shift() ?? true);
    const idle = Promise.withResolvers<void>();
    const poll = setInterval(() => answers.length === 0 && idle.resolve(), 2);
    await guard(idle.promise);
    clearInterval(poll);
    assert.equal(signal.aborted, false);
  });
});

suite("before a run takes hold of anything", { timeout: 60_000 }, () => {
  afterEach(() => watched?.dispose());

  test("its engine is asked, and again when it is silent", async () => {
    const answers = [false, false, true];
    const { signal, checkWanted } = watch(async () => answers.shift() ?? true);
    await checkWanted();
    assert.deepEqual(answers, []);
    assert.equal(signal.aborted, false);
  });

  test("one whose engine is gone is stopped, each time it asks", async () => {
    const { checkWanted } = watch(async () => false);
    await assert.rejects(checkWanted(), { code: "stopped" });
    await assert.rejects(checkWanted(), { code: "stopped" });
  });
});

suite("an idle provider", { timeout: 60_000 }, () => {
  afterEach(() => watched?.dispose());

  test("leaves at once when the operation is over", async () => {
    const { exited } = watch();
    process.emit("SIGINT");
    assert.equal(await exited, 0);
  });

  test("that has only been asked leaves when its engine is gone", async () => {
    const { exited } = watch(async () => false);
    // The heartbeat keeps no process alive; Pulumi's server does, and here this.
    const keep = setTimeout(() => {}, 10_000);
    assert.equal(await exited, 1);
    clearTimeout(keep);
  });

  test("that has worked leaves when its engine is gone", async () => {
    let isThere = true;
    const { guard, exited } = watch(async () => isThere);
    await guard(Promise.resolve());
    isThere = false;
    assert.equal(await exited, 1);
  });

  test("does not trip over what else is on the channel", () => {
    const { signal } = watch();
    for (const message of [undefined, null, 5, {}, { headers: null }, { headers: {} }]) {
      http2Streams.publish(message);
    }
    assert.equal(signal.aborted, false);
  });
});
