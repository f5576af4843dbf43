/** The search for secrets finds what is planted, in every place and spelling; and what it finds of ours. */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { encodePeer, type Job, Tag } from "../../agent/contract.ts";
import { makeIdentity } from "../../agent/introduction.ts";
import { runHelper } from "../../agent/run.ts";
import { findRegion } from "../../localcloud/catalog/regions.ts";
import { TransferError } from "../../tsunami/transfer-error.ts";
import { FakeMachine } from "../agent/fake-machine.ts";
import { freeAddress, metadataOf, temporaryDirectory } from "../localcloud/machines/booted.ts";
import { findSecrets } from "./secret-search.ts";
import { watchMachines } from "./watched-machines.ts";

test("a secret is found in plain, hex, base64 at any offset, percent-encoded, and in gzip", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 16, maxLength: 60 }),
      fc.uint8Array({ maxLength: 40 }),
      fc.uint8Array({ maxLength: 40 }),
      (secret, before, after) => {
        const whole = Buffer.concat([before, secret, after]);
        const shown = {
          plain: whole,
          hex: whole.toString("hex"),
          "upper hex": whole.toString("hex").toUpperCase(),
          base64: whole.toString("base64"),
          base64url: whole.toString("base64url"),
          gzip: gzipSync(whole),
          "gzip of base64": gzipSync(whole.toString("base64")),
        };
        for (const [place, content] of Object.entries(shown)) {
          const found = findSecrets([{ place, content }], [{ name: "s", value: secret }]);
          assert.ok(found.length > 0, place);
        }
      },
    ),
  );
  const [found] = findSecrets(
    [{ place: "a log", content: "https://x/?key=abc%2Fdef%2Bghi%3D%3D" }],
    [{ name: "a key", value: "abc/def+ghi==" }],
  );
  assert.equal(found, "a key in a log (percent-encoded)");
});

test("what is not there is not found", () => {
  const content = randomBytes(100_000);
  const secrets = [{ name: "s", value: randomBytes(20).toString("base64") }];
  assert.deepEqual(findSecrets([{ place: "p", content }], secrets), []);
  assert.throws(() => findSecrets([], [{ name: "s", value: "short" }]), /too short/);
});

test("a secret planted with a machine is found in user data, tags, console, arguments, environment", async (context) => {
  const secret = randomBytes(24);
  const base64 = secret.toString("base64");
  const watch = watchMachines();
  context.after(() => watch.close());
  const script = `#!/bin/sh
echo "it is $(printf %s ${base64})"
PLANTED=${secret.toString("hex")} sh -c 'while :; do sleep 0.2; done' planted ${base64}
`;
  const address = freeAddress();
  const { region } = findRegion("us-east-1") ?? {};
  assert.ok(region);
  const machine = await watch.machinery.bootMachine({
    instanceId: "i-0123456789abcdef0",
    directory: await temporaryDirectory(context),
    userData: gzipSync(script),
    address,
    disks: [],
    node: "present",
    metadata: () => ({ ...metadataOf(address), tags: { planted: base64 } }),
    onShutdown: () => {},
    region,
    rules: () => [],
  });
  const expected = [
    "user data of",
    "metadata and tags of",
    "console of",
    "arguments of",
    "environment of",
  ];
  const missing = () => {
    watch.look();
    const found = findSecrets(watch.traces(), [{ name: "it", value: secret }]);
    return expected.filter((place) => !found.some((one) => one.startsWith(`it in ${place}`)));
  };
  try {
    for (let left = 1000; missing().length > 0 && left > 0; left -= 1) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.deepEqual(missing(), []);
  } finally {
    await machine.stop();
  }
});

test("the session's key is in nothing that a helper says or is told, also when it fails", async () => {
  for (const outcome of ["good", "bad"]) {
    const machine = new FakeMachine();
    machine.addDisk("sdf", 1024);
    const job: Job = {
      ...{ version: 1, run: "0123456789abcdef", attempt: 1, side: "source", listens: true },
      ...{ port: 46224, disks: [{ deviceName: "/dev/sdf", sizeBytes: 1024 }] },
      ...{ leaseMs: 600_000, timeoutMs: 6_000_000 },
    };
    let psk = new Uint8Array();
    machine.setTag(Tag.peer, encodePeer({ ...peer(), port: 46224 }));
    machine.runSession = async (options) => {
      psk = new Uint8Array(options.psk);
      if (outcome === "bad") throw new TransferError("peer-refused", "another key");
      options.onVolume?.(0, "ab".repeat(32));
      return {
        digests: [],
        bytesRead: 1,
        bytesSent: 1,
        bytesResent: 0,
        bytesKept: 0,
        durationMs: 1,
      };
    };
    try {
      await machine.finish(runHelper(JSON.stringify(job), machine));
    } finally {
      machine.remove();
    }
    assert.equal(psk.length, 32);
    const traces = [
      { place: "the console", content: machine.text },
      { place: "the tags", content: JSON.stringify(machine.metadata) },
      { place: "the job", content: JSON.stringify(job) },
    ];
    assert.ok(machine.heard("hello"));
    assert.deepEqual(findSecrets(traces, [{ name: "the key", value: psk }]), []);
  }
});

function peer() {
  return { publicKey: makeIdentity().publicKey, address: "127.9.9.8" };
}
