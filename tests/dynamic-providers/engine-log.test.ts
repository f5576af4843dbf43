import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { after, before, suite, test } from "node:test";
import { openEngineLog } from "../../dynamic-providers/engine-log.ts";

const fromPulumi = createRequire(import.meta.resolve("@pulumi/pulumi"));
const grpc = fromPulumi("@grpc/grpc-js");
const { EngineService } = fromPulumi("@pulumi/pulumi/proto/engine_grpc_pb.js");
const messages = fromPulumi("@pulumi/pulumi/proto/engine_pb.js");
const { Empty } = fromPulumi("google-protobuf/google/protobuf/empty_pb.js");

interface Logged {
  readonly urn: string;
  readonly message: string;
  readonly severity: number;
  readonly ephemeral: boolean;
  readonly streamid: number;
}

type Answer = (error: null, message: unknown) => void;

suite("the engine's log", { timeout: 60_000 }, () => {
  const logged: Logged[] = [];
  let arrived = Promise.withResolvers<void>();
  let address = "";
  const server = new grpc.Server();

  before(async () => {
    server.addService(EngineService, {
      log(call: { request: { toObject(): Logged } }, answer: Answer) {
        logged.push(call.request.toObject());
        answer(null, new Empty());
        arrived.resolve();
      },
      getRootResource: (_call: unknown, answer: Answer) =>
        answer(null, new messages.GetRootResourceResponse()),
      setRootResource() {},
      startDebugging() {},
      requirePulumiVersion() {},
    });
    const port = await new Promise<number>((resolve, reject) => {
      const credentials = grpc.ServerCredentials.createInsecure();
      server.bindAsync("127.0.0.1:0", credentials, (error: Error | null, bound: number) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    address = `127.0.0.1:${port}`;
  });
  after(() => server.forceShutdown());

  test("gets a status as a passing line of its row", async () => {
    const log = openEngineLog(["node", "provider", "--logtostderr", address]);
    log.status("urn:row", "41%");
    await arrived.promise;
    const line = { severity: 1, message: "41%", urn: "urn:row", streamid: 0, ephemeral: true };
    assert.deepEqual(logged, [line]);
  });

  test("gets a warning as a line that stays", async () => {
    arrived = Promise.withResolvers();
    openEngineLog(["node", address]).warn(undefined, "left");
    await arrived.promise;
    const line = { severity: 2, message: "left", urn: "", streamid: 0, ephemeral: false };
    assert.deepEqual(logged.at(-1), line);
  });

  test("is there as long as it answers", async () => {
    assert.equal(await openEngineLog(["node", address]).isEngineThere(), true);
  });

  test("is gone when nobody listens at its address", async () => {
    // A port of the lowest kind, at an address of our own: nothing of anybody listens there.
    assert.equal(await openEngineLog(["node", "127.99.99.99:9"]).isEngineThere(), false);
  });
});

test("without an engine the log is the console", (context) => {
  const printed = context.mock.method(console, "log", () => {});
  const log = openEngineLog(["node", "provider.js"]);
  log.status("urn", "41%");
  log.note("urn", "done");
  assert.deepEqual(
    printed.mock.calls.map((call) => call.arguments),
    [["done"]],
  );
});
