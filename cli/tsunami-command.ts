/** The command line of tsunami, read and checked before anything is done. */

import { closeSync, openSync, readSync } from "node:fs";
import { isIPv6 } from "node:net";
import { resolve } from "node:path";
import { type ParseArgsConfig, parseArgs } from "node:util";
import {
  BLOCK_SIZE_MAX_BYTES,
  DEFAULT_PORT,
  DEFAULT_SECRET,
} from "../tsunami/classic/constants.ts";
import type { LossPolicy } from "../tsunami/classic/receiver-state.ts";
import { DEFAULT_PARAMETERS, type Fraction, type Parameters } from "../tsunami/classic/wire.ts";

export const USAGE = `tsunami: fetch files fast over long, lossy links

npm run tsunami -- serve [--address A] [--port 46224] [--secret-file F] FILE...
    Serves these files and nothing else, until Ctrl-C. Each is asked for by its name as given here,
    or by its base name. Any original tsunami can fetch them.
    --heartbeat SECONDS   gives up on a receiver that is silent so long; default 15

npm run tsunami -- get HOST[:PORT] FILE... [--output PATH] [--secret-file F] [--rate R]
                       [--block-size N]
    Fetches files from us or from any original tsunamid; '*' fetches all. They arrive under their
    base names, or as PATH, or in PATH if that is a folder. A file appears when it is whole.
    --rate R              bits of file a second, with k, M or G; default 650M
    --block-size N        bytes of file in a datagram, 1 to 65501; default 1024
    --error PERCENT       above it the sender slows down; default 7.5
    --slowdown N/D        by this factor of its gap; default 25/24
    --speedup N/D         and up again by this one; default 5/6
    --history PERCENT     weight of the past in the error rate; default 25
    --lossy               ask for nothing again: what is lost stays zeros
    --loss-window MS      with --lossy: ask again for what was lost in the last MS
    --udp-port P          first port to receive on; default 46224, the next free one is taken
    --data-from A         the sender's data come from this address instead of HOST's

npm run tsunami -- list HOST[:PORT] [--secret-file F]

All three:
    --secret-file F       the shared secret, in a file; default: the original's, which is no secret
    --sealed --psk-file F the sealed revision: encrypted, proved, no parameters. F holds 64 hex
                          digits (openssl rand -hex 32). One receiver at a time; files, block devices
                          and /dev/null. get takes --rate R as an upper limit, if given, and none of the
                          other parameters; serve no --heartbeat.
                          A get that was stopped or killed leaves NAME.part: the same get goes on.
    --size BYTES          serve --sealed: the length of a character device such as /dev/urandom
    --json                results as lines of JSON

Exit codes: 0 done, 1 failed, 2 wrongly asked, 3 no such file, 4 refused, 5 peer not reached or
lost, 6 disk, 130 stopped.

To keep npm's own lines out of the output: npm run --silent tsunami -- ...
`;

/** How the two programs know each other. */
export type Credentials =
  | { readonly kind: "classic"; readonly secret: Uint8Array }
  | { readonly kind: "sealed"; readonly psk: Uint8Array };

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

/** Not what the usage says; the message names the option. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Ours. The longest secret or key file that makes sense. */
const SECRET_MAX_BYTES = 4096;

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
/** What the sealed revision finds out for itself, or has no use for. */
const CLASSIC_ONLY = [
  "secret-file",
  "heartbeat",
  "block-size",
  "error",
  "slowdown",
  "speedup",
  "history",
  "lossy",
  "loss-window",
  "udp-port",
  "data-from",
] as const;

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

function parse<T extends NonNullable<ParseArgsConfig["options"]>>(
  argv: readonly string[],
  options: T,
) {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function readCredentials(
  values: {
    readonly sealed?: boolean | undefined;
    readonly "psk-file"?: string | undefined;
    readonly "secret-file"?: string | undefined;
  } & { readonly [option in (typeof CLASSIC_ONLY)[number]]?: string | boolean | undefined },
  directory: string,
): Credentials {
  const { sealed, "psk-file": pskFile, "secret-file": secretFile } = values;
  if (sealed === true) {
    if (pskFile === undefined) throw new UsageError("--sealed needs --psk-file");
    const classic = CLASSIC_ONLY.find((option) => values[option] !== undefined);
    if (classic !== undefined) throw new UsageError(`--${classic} is for the classic revision`);
    const digits = readSecretFile(pskFile, directory).toString("latin1").trim();
    if (!/^[0-9a-f]{64}$/i.test(digits)) {
      throw new UsageError(`${pskFile} does not hold 64 hex digits: openssl rand -hex 32 > FILE`);
    }
    return { kind: "sealed", psk: Buffer.from(digits, "hex") };
  }
  if (pskFile !== undefined) throw new UsageError("--psk-file goes with --sealed");
  if (secretFile === undefined) return { kind: "classic", secret: Buffer.from(DEFAULT_SECRET) };
  const bytes = readSecretFile(secretFile, directory);
  // Editors end a file with a line end; a secret of the original never has one.
  const secret = bytes.at(-1) === 0x0a ? bytes.subarray(0, -1) : bytes;
  if (secret.length === 0) throw new UsageError(`${secretFile} is empty`);
  return { kind: "classic", secret };
}

/** No more than a secret can be, whatever the path leads to: a pipe and a device have no size. */
function readSecretFile(path: string, directory: string): Buffer {
  const bytes = Buffer.alloc(SECRET_MAX_BYTES + 1);
  let length = 0;
  try {
    const file = openSync(resolve(directory, path), "r");
    try {
      for (let got = 1; got > 0 && length < bytes.length; length += got) {
        got = readSync(file, bytes, length, bytes.length - length, null);
      }
    } finally {
      closeSync(file);
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`${path} cannot be read: ${why}`);
  }
  if (length <= SECRET_MAX_BYTES) return bytes.subarray(0, length);
  throw new UsageError(`${path} is longer than ${SECRET_MAX_BYTES} bytes: it holds no secret`);
}

/** `host`, `host:port`, `[::1]:port` or a bare IPv6 address. */
export function readPlace(text: string): { readonly host: string; readonly port: number } {
  if (isIPv6(text)) return { host: text, port: DEFAULT_PORT };
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined) throw new UsageError(`${text} is not HOST or HOST:PORT`);
  const port = match?.[3] === undefined ? DEFAULT_PORT : whole("PORT", match[3], 1, 65_535);
  return { host, port };
}

/** `650M`, `1.5G`, `800000`: decimal multiples. The original cut fractions off and wrapped at 2³². */
export function readRate(option: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)([kmg]?)$/i.exec(text);
  const factor = { "": 1, k: 1e3, m: 1e6, g: 1e9 }[match?.[2]?.toLowerCase() ?? ""];
  const rate = Math.round(Number(match?.[1]) * (factor ?? Number.NaN));
  if (rate >= 1 && rate <= 0xffff_ffff) return rate;
  throw new UsageError(`${option} ${text}: bits a second, 1 to 4294967295, e.g. 650M or 1.5G`);
}

function readFraction(option: string, text: string): Fraction {
  const match = /^(\d{1,5})\/(\d{1,5})$/.exec(text);
  const numerator = Number(match?.[1]);
  const denominator = Number(match?.[2]);
  if (numerator <= 65_535 && denominator >= 1 && denominator <= 65_535) {
    return { numerator, denominator };
  }
  throw new UsageError(`${option} ${text} is not a fraction such as 25/24`);
}

function whole(option: string, text: string, least: number, most: number): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new UsageError(`${option} ${text} is not a whole number from ${least} to ${most}`);
}

function number(option: string, text: string, least: number, most: number): number {
  const value = /^\d{1,9}(?:\.\d{1,9})?$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new UsageError(`${option} ${text} is not a number from ${least} to ${most}`);
}

function optional<T>(text: string | undefined, read: (text: string) => T): T | undefined {
  return text === undefined ? undefined : read(text);
}
