/**
 * Status lines on the rows of a stack. The SDK gives a dynamic provider no way to speak to the
 * engine: what it prints lands on the stack's own row, once per line, and stays. But the engine's
 * address is the last argument of the provider process, and `Engine.Log` takes a URN and
 * `ephemeral`. The gRPC package is the SDK's own copy, since we bring none.
 *
 * Logging never fails a copy: without the engine everything falls back to the console.
 */

import { createRequire } from "node:module";
import { printable } from "./printable.ts";

/** An engine that does not answer a status line within this time is not waited for. Ours. */
const DEADLINE_MS = 2_000;
/** gRPC's UNAVAILABLE: nobody listens at the engine's address any more. */
const UNAVAILABLE = 14;

export interface EngineLog {
  /** Shows a passing status on a row; it is gone when the row is done. */
  status(urn: string, text: string): void;
  /** Shows a line on a row, and among the diagnostics at the end. */
  note(urn: string | undefined, text: string): void;
  warn(urn: string | undefined, text: string): void;
  /** @returns False when the engine is gone: an RPC that prints nothing found nobody. */
  isEngineThere(): Promise<boolean>;
}

interface LogRequest {
  setSeverity(severity: number): void;
  setUrn(urn: string): void;
  setMessage(text: string): void;
  setEphemeral(ephemeral: boolean): void;
}

type Callback = (error: { code?: number } | null) => void;

interface EngineClient {
  log(request: LogRequest, options: { deadline: number }, callback: Callback): void;
  getRootResource(request: unknown, options: { deadline: number }, callback: Callback): void;
}

interface Engine {
  readonly client: EngineClient;
  readonly newLogRequest: () => LogRequest;
  readonly newRootResourceRequest: () => unknown;
  readonly severity: { readonly INFO: number; readonly WARNING: number };
}

/** @param argv - Of the provider process: `node <script> [flags] <host>:<port>`. */
export function openEngineLog(argv: readonly string[]): EngineLog {
  const engine = connect(argv.at(-1));
  return engine === undefined ? consoleLog : engineLog(engine);
}

function engineLog(engine: Engine): EngineLog {
  const log = (severity: number, urn: string | undefined, text: string, ephemeral: boolean) => {
    const request = engine.newLogRequest();
    request.setSeverity(severity);
    request.setUrn(urn ?? "");
    request.setMessage(printable(text));
    request.setEphemeral(ephemeral);
    engine.client.log(request, { deadline: Date.now() + DEADLINE_MS }, () => {});
  };
  return {
    status: (urn, text) => log(engine.severity.INFO, urn, text, true),
    note: (urn, text) => log(engine.severity.INFO, urn, text, false),
    warn: (urn, text) => log(engine.severity.WARNING, urn, text, false),
    isEngineThere: () =>
      new Promise((resolve) => {
        const request = engine.newRootResourceRequest();
        const options = { deadline: Date.now() + DEADLINE_MS };
        engine.client.getRootResource(request, options, (error) => {
          resolve(error?.code !== UNAVAILABLE);
        });
      }),
  };
}

const consoleLog: EngineLog = {
  status() {},
  note: (_urn, text) => console.log(printable(text)),
  warn: (_urn, text) => console.warn(printable(text)),
  isEngineThere: () => Promise.resolve(true),
};

function connect(address: string | undefined): Engine | undefined {
  if (address === undefined || !/^\S+:\d{1,5}$/.test(address)) return undefined;
  try {
    const require = createRequire(import.meta.resolve("@pulumi/pulumi"));
    const grpc = require("@grpc/grpc-js");
    const messages = require("@pulumi/pulumi/proto/engine_pb.js");
    const { EngineClient } = require("@pulumi/pulumi/proto/engine_grpc_pb.js");
    return {
      client: new EngineClient(address, grpc.credentials.createInsecure()),
      newLogRequest: () => new messages.LogRequest(),
      newRootResourceRequest: () => new messages.GetRootResourceRequest(),
      severity: messages.LogSeverity,
    };
  } catch {
    // Another layout of the SDK: the copy works all the same, only its progress is not shown.
    return undefined;
  }
}
