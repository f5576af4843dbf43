/** The command line of tsunami, read and checked before anything is done. */

import { resolve } from "node:path";
import type { ParseArgsConfig } from "node:util";
import { BLOCK_SIZE_MAX_BYTES, DEFAULT_PORT } from "../tsunami/classic/constants.ts";
import type { LossPolicy } from "../tsunami/classic/receiver-state.ts";
import { DEFAULT_PARAMETERS, type Parameters } from "../tsunami/classic/wire.ts";
import { type Credentials, readCredentials } from "./tsunami-credentials.ts";
import { number, optional, readFraction, readPlace, readRate, whole } from "./tsunami-values.ts";
import { parseArguments, UsageError } from "./usage-error.ts";

export interface ServeCommand {
  readonly name: "serve";
  readonly credentials: Credentials;
  readonly address: string | undefined;
  readonly port: number;
  readonly heartbeatTimeoutMs: number | undefined;
  readonly deviceSizeBytes: number | undefined;
  readonly paths: readonly string[];
  readonly json: boolean;
}

export interface GetCommand {
  readonly name: "get";
  readonly credentials: Credentials;
  readonly host: string;
  readonly port: number;
  readonly files: readonly string[];
  /** Absolute; absent: the caller's folder. */
  readonly output: string | undefined;
  readonly directory: string;
  readonly parameters: Parameters;
  readonly rateCapBitsPerSecond: number | undefined;
  readonly policy: LossPolicy;
  readonly historyPercent: number | undefined;
  readonly udpPort: number | undefined;
  readonly dataAddress: string | undefined;
  readonly json: boolean;
}

export interface ListCommand {
  readonly name: "list";
  readonly credentials: Credentials;
  readonly host: string;
  readonly port: number;
  readonly json: boolean;
}

export type TsunamiCommand = { readonly name: "help" } | ServeCommand | GetCommand | ListCommand;

const EVERYWHERE = {
  "secret-file": { type: "string" },
  sealed: { type: "boolean" },
  "psk-file": { type: "string" },
  json: { type: "boolean" },
} as const;
const SERVE = {
  ...EVERYWHERE,
  address: { type: "string" },
  port: { type: "string" },
  heartbeat: { type: "string" },
  size: { type: "string" },
} as const;
const GET = {
  ...EVERYWHERE,
  output: { type: "string" },
  rate: { type: "string" },
  "block-size": { type: "string" },
  error: { type: "string" },
  slowdown: { type: "string" },
  speedup: { type: "string" },
  history: { type: "string" },
  lossy: { type: "boolean" },
  "loss-window": { type: "string" },
  "udp-port": { type: "string" },
  "data-from": { type: "string" },
} as const;
/**
 * @param directory - From which relative file names are meant.
 * @throws UsageError
 */
export function readCommand(argv: readonly string[], directory: string): TsunamiCommand {
  const [name, ...rest] = argv;
  if (rest.includes("--help") || rest.includes("-h")) return { name: "help" };
  switch (name) {
    case "serve":
      return readServe(rest, directory);
    case "get":
      return readGet(rest, directory);
    case "list":
      return readList(rest, directory);
    case undefined:
    case "help":
    case "--help":
    case "-h":
      return { name: "help" };
    default:
      throw new UsageError(`unknown command ${name}: serve, get or list`);
  }
}

function readServe(argv: readonly string[], directory: string): ServeCommand {
  const { values, positionals } = parse(argv, SERVE);
  const credentials = readCredentials(values, directory);
  if (positionals.length === 0) throw new UsageError("serve needs a FILE");
  if (values.size !== undefined && credentials.kind === "classic") {
    throw new UsageError("--size goes with --sealed");
  }
  const heartbeat = optional(values.heartbeat, (text) => number("--heartbeat", text, 0.1, 86_400));
  return {
    name: "serve",
    credentials,
    address: values.address,
    port: optional(values.port, (text) => whole("--port", text, 1, 65_535)) ?? DEFAULT_PORT,
    heartbeatTimeoutMs: heartbeat === undefined ? undefined : heartbeat * 1000,
    deviceSizeBytes: optional(values.size, (text) => whole("--size", text, 1, 2 ** 50)),
    paths: positionals,
    json: values.json ?? false,
  };
}

function readGet(argv: readonly string[], directory: string): GetCommand {
  const { values, positionals } = parse(argv, GET);
  const [place, ...files] = positionals;
  if (place === undefined || files.length === 0) throw new UsageError("get needs HOST and a FILE");
  const rate = optional(values.rate, (text) => readRate("--rate", text));
  const window = optional(values["loss-window"], (text) => whole("--loss-window", text, 0, 60_000));
  if (window !== undefined && values.lossy !== true) {
    throw new UsageError("--loss-window goes with --lossy");
  }
  return {
    name: "get",
    credentials: readCredentials(values, directory),
    ...readPlace(place),
    files,
    output: optional(values.output, (text) => resolve(directory, text)),
    directory,
    parameters: readParameters(values, rate),
    rateCapBitsPerSecond: rate,
    policy: values.lossy ? { kind: "lossy", windowMs: window ?? 0 } : { kind: "lossless" },
    historyPercent: optional(values.history, (text) => number("--history", text, 0, 100)),
    udpPort: optional(values["udp-port"], (text) => whole("--udp-port", text, 1, 65_535)),
    dataAddress: values["data-from"],
    json: values.json ?? false,
  };
}

function readList(argv: readonly string[], directory: string): ListCommand {
  const { values, positionals } = parse(argv, EVERYWHERE);
  const [place, ...more] = positionals;
  if (place === undefined || more.length > 0) throw new UsageError("list needs one HOST");
  const credentials = readCredentials(values, directory);
  return { name: "list", credentials, ...readPlace(place), json: values.json ?? false };
}

function readParameters(
  values: Readonly<Partial<Record<"block-size" | "error" | "slowdown" | "speedup", string>>>,
  rate: number | undefined,
): Parameters {
  const error = optional(values.error, (text) => number("--error", text, 0, 100));
  return {
    blockSizeBytes:
      optional(values["block-size"], (text) =>
        whole("--block-size", text, 1, BLOCK_SIZE_MAX_BYTES),
      ) ?? DEFAULT_PARAMETERS.blockSizeBytes,
    rateBitsPerSecond: rate ?? DEFAULT_PARAMETERS.rateBitsPerSecond,
    errorThreshold:
      error === undefined ? DEFAULT_PARAMETERS.errorThreshold : Math.round(error * 1000),
    slower:
      optional(values.slowdown, (text) => readFraction("--slowdown", text)) ??
      DEFAULT_PARAMETERS.slower,
    faster:
      optional(values.speedup, (text) => readFraction("--speedup", text)) ??
      DEFAULT_PARAMETERS.faster,
  };
}

function parse<const T extends NonNullable<ParseArgsConfig["options"]>>(
  argv: readonly string[],
  options: T,
) {
  return parseArguments({ args: [...argv], options, allowPositionals: true, strict: true });
}
