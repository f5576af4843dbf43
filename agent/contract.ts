/**
 * Where the two houses meet: everything the controller (the workflow, in the provider process) and
 * a helper's agent say to each other. Nothing else is shared.
 *
 *   controller → helper, once     the job description, in user data (readable by the account: no secret)
 *   controller → helper, later    instance tags, read from the metadata service
 *   helper → controller           lines on the serial console, read by GetConsoleOutput
 */

import { crc32 } from "node:zlib";

/** The tags that an agent reads: names of their own, so that its bundle has no others. */
export const LEASE_TAG = "amicopy:lease";
export const PEER_TAG = "amicopy:peer";
export const ACKNOWLEDGED_TAG = "amicopy:ack";

/** Tag keys. On a helper they must be legal metadata keys: letters, digits and `+ - = . , _ : @`. */
export const Tag = {
  /** Writer: controller, in the create call. Run id, {@link RUN_ID_PATTERN}. On everything we make. */
  run: "amicopy:run",
  /** Writer: controller, in the create call. One of {@link Role}. On everything we make. */
  role: "amicopy:role",
  /** Writer: controller, in the create call. ISO 8601 UTC; when a forgotten thing may be swept. */
  expires: "amicopy:expires",
  /** Writer: controller, in the create call. Attempt number, decimal. On helpers, groups, volumes. */
  attempt: "amicopy:attempt",
  /** Writer: controller, on groups and claimed images. 16 hex digits of the stack's row that the run is for, wherever that stack is. */
  stackRow: "amicopy:stack-row",
  /** Writer: controller, on groups and claimed images. ISO 8601 UTC; of two runs of one row the later one goes on. */
  begun: "amicopy:begun",
  /** Writer: controller; reader: agent. A counter; the helper ends when it stops changing. */
  lease: LEASE_TAG,
  /** Writer: controller, once; reader: agent. {@link encodePeer}; later changes are ignored. */
  peer: PEER_TAG,
  /** Writer: controller; reader: agent. All state lines up to this sequence number were received. */
  acknowledged: ACKNOWLEDGED_TAG,
  /** Writer: controller, on a destination snapshot: the snapshot it is a copy of. */
  sourceSnapshot: "amicopy:source-snapshot",
  /**
   * Writer: controller, on a destination snapshot of a source that was booted: the only device that it
   * is for, since after a boot no two devices are alike.
   */
  sourceDevice: "amicopy:source-device",
  /** Writer: controller, on a destination snapshot: verified digest, 64 hex digits. */
  digest: "amicopy:digest",
  /** Writer: controller, on an image, as the last act of a run: the image is finished. */
  claimed: "amicopy:claimed",
  /** Writer: controller, on a claimed image, once a stack's state has the image's row. */
  owned: "amicopy:owned",
  /** Writer: controller, on an image, when it took a protection with a cooldown off; ISO 8601 UTC. */
  unprotected: "amicopy:unprotected",
} as const;

/** What a tagged thing is for. A sweep decides by it. */
export const Role = {
  sourceHelper: "source-helper",
  destinationHelper: "destination-helper",
  licenseDonor: "license-donor",
  /** The source itself, started once because its snapshots may not be read. */
  bootedSource: "booted-source",
  /** At the source, of the volumes of a booted source: needed until they have been copied. */
  interimSnapshot: "interim-snapshot",
  securityGroup: "security-group",
  snapshot: "snapshot",
  image: "image",
} as const;
export type Role = (typeof Role)[keyof typeof Role];

/** `source` sends, `destination` receives. */
export type HelperSide = "source" | "destination";

/** 16 lower-case hex digits. */
export const RUN_ID_PATTERN = /^[0-9a-f]{16}$/;

/** The port of the data and control channel on whichever helper listens (the original's). */
export const TRANSFER_PORT = 46224;

/** One disk that the agent finds by the device name it was launched with. */
export interface JobDisk {
  /** As given in RunInstances, e.g. `/dev/sdf`. */
  readonly deviceName: string;
  /** Exact; the agent refuses a disk of another size. A multiple of 1 GiB. */
  readonly sizeBytes: number;
}

/** The job description in user data, as JSON. Both helpers get the same `disks` order: the index is the volume's name on the wire. */
export interface Job {
  readonly version: 1;
  readonly run: string;
  readonly attempt: number;
  readonly side: HelperSide;
  /** True on the one helper that is reachable and waits for the other to speak first. */
  readonly listens: boolean;
  readonly port: number;
  readonly disks: readonly JobDisk[];
  /** The helper ends this long after the last change of {@link Tag.lease}. */
  readonly leaseMs: number;
  /**
   * The agent gives up this long after its start. The boot script's dead-man switch turns the
   * machine off {@link DEAD_MAN_GRACE_MINUTES} later, whatever happens, so that the reason can be told.
   */
  readonly timeoutMs: number;
  /**
   * The last way to a Node, by `uname -m` (`x86_64`, `aarch64`): `<sha256, 64 hex digits> <url>` of
   * a `.tar.gz` as nodejs.org packs it. One text each, because the boot script reads it with sed.
   */
  readonly nodeArchives?: Readonly<Record<string, string>>;
}

/** Ours. Long enough for a `failed` line to be read and acknowledged. */
export const DEAD_MAN_GRACE_MINUTES = 3;

/** What the helper says. `hello`, `volume`, `done`, `failed` are state lines, repeated until acknowledged; `progress` is not. */
export type HelperMessage =
  | {
      readonly type: "hello";
      /** X25519 public key, 32 bytes, base64url. */
      readonly publicKey: string;
      /** `process.version` of the Node that runs the agent. */
      readonly node: string;
    }
  | {
      readonly type: "progress";
      /** Of all volumes together, holes included. */
      readonly bytesTotal: number;
      /** Confirmed at the destination, holes included. */
      readonly bytesDone: number;
      /** Present rate of `bytesDone`. */
      readonly rateBitsPerSecond: number;
      /** Share of datagrams lost lately, 0..1. */
      readonly lossRatio: number;
    }
  | {
      readonly type: "volume";
      /** Index into {@link Job.disks}. */
      readonly index: number;
      /** 64 hex digits, see `docs/digest.md`. */
      readonly digest: string;
    }
  | {
      readonly type: "done";
      readonly bytesRead: number;
      /** UDP payload bytes sent by the sender, retransmissions included. */
      readonly bytesSent: number;
      readonly bytesResent: number;
      readonly durationMs: number;
    }
  | { readonly type: "failed"; readonly code: ExitName; readonly message: string };

/**
 * Exit codes of the agent, and the `code` of a `failed` message. From 20, so that they differ from
 * Node's own (1 to 14): with one of these the agent has said itself what happened.
 */
export const ExitCode = {
  done: 0,
  /** Said by the boot script: no Node could be had, or the agent's process died. */
  boot: 2,
  internal: 20,
  "bad-job": 21,
  "disk-missing": 30,
  "disk-size": 31,
  "disk-io": 32,
  "peer-unreachable": 40,
  "peer-refused": 41,
  "peer-lost": 42,
  protocol: 43,
  "digest-mismatch": 44,
  "lease-expired": 50,
  "timed-out": 51,
  stopped: 52,
} as const;
export type ExitName = keyof typeof ExitCode;

/**
 * One decoded console line. `sequence` counts state lines from 1; progress lines carry 0. The boot
 * script does not know the agent's count: its `failed` line carries {@link BOOT_SEQUENCE}.
 */
export interface ConsoleLine {
  readonly sequence: number;
  readonly message: HelperMessage;
}

/** The sequence number of the boot script's own `failed` line: final, whatever came before. */
export const BOOT_SEQUENCE = 999_999_999;

/** Ours. A line longer than this is torn by the console's ring and interleaving far too often. */
export const CONSOLE_LINE_MAX_LENGTH = 600;

const CONSOLE_TOKEN = "amicopy1";
const CONSOLE_PATTERN = /amicopy1 (\d{1,9}) (\{[^{}\r\n]{1,600}\}) ([0-9a-f]{8})(?![0-9a-f])/g;

/** One line for the serial console, without line end: `amicopy1 <sequence> <json> <crc32>`. */
export function encodeConsoleLine(line: ConsoleLine): string {
  const fields = JSON.stringify(line.message).slice(1, -1);
  // No brace but the outer two, so that a reader finds the end in a console full of other text.
  const flat = fields.replace(/[{}]/g, (brace) => `\\u00${brace.charCodeAt(0).toString(16)}`);
  const body = `${line.sequence} {${flat}}`;
  return `${CONSOLE_TOKEN} ${body} ${checksum(body)}`;
}

/**
 * All intact lines in a console's text, in order. Kernel text and prefixes may stand anywhere
 * before or after a line, so nothing is anchored; a torn line fails its checksum and is skipped
 * (it will be repeated).
 */
export function decodeConsoleLines(text: string): ConsoleLine[] {
  const lines: ConsoleLine[] = [];
  for (const [, sequence, json, crc] of text.matchAll(CONSOLE_PATTERN)) {
    if (sequence === undefined || json === undefined) continue;
    if (checksum(`${sequence} ${json}`) !== crc) continue;
    const message = parseHelperMessage(json);
    if (message !== undefined) lines.push({ sequence: Number(sequence), message });
  }
  return lines;
}

/** What a helper needs to know of the other one. */
export interface Peer {
  /** X25519 public key, 32 bytes, base64url (43 characters). */
  readonly publicKey: string;
  /** IPv4 address at which the peer is seen from here. */
  readonly address: string;
  readonly port: number;
}

/** Value of {@link Tag.peer}: `<publicKey>:<address>:<port>`, at most 256 characters. */
export function encodePeer(peer: Peer): string {
  return `${peer.publicKey}:${peer.address}:${peer.port}`;
}

/** @returns `undefined` for anything that is not exactly a value of {@link encodePeer}. */
export function decodePeer(value: string): Peer | undefined {
  const match = /^([A-Za-z0-9_-]{43}):(\d{1,3}(?:\.\d{1,3}){3}):(\d{1,5})$/.exec(value);
  const [, publicKey, address, portText] = match ?? [];
  if (publicKey === undefined || address === undefined || portText === undefined) return undefined;
  const port = Number(portText);
  if (port < 1 || port > 65535 || address.split(".").some((part) => Number(part) > 255)) {
    return undefined;
  }
  return { publicKey, address, port };
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, "0");
}

/** Text from a machine we do not trust: every field is checked before it is believed. */
function parseHelperMessage(json: string): HelperMessage | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  return isHelperMessage(value as Record<string, unknown>);
}

function isHelperMessage(value: Record<string, unknown>): HelperMessage | undefined {
  const { type } = value;
  switch (type) {
    case "hello": {
      const { publicKey, node } = value;
      if (!isText(publicKey, /^[A-Za-z0-9_-]{43}$/) || !isText(node, /^v[\w.+-]{1,40}$/)) return;
      return { type, publicKey, node };
    }
    case "progress": {
      const { bytesTotal, bytesDone, rateBitsPerSecond, lossRatio } = value;
      if (!isCount(bytesTotal) || !isCount(bytesDone) || !isCount(rateBitsPerSecond)) return;
      if (typeof lossRatio !== "number" || lossRatio < 0 || lossRatio > 1) return;
      return { type, bytesTotal, bytesDone, rateBitsPerSecond, lossRatio };
    }
    case "volume": {
      const { index, digest } = value;
      if (!isCount(index) || !isText(digest, /^[0-9a-f]{64}$/)) return;
      return { type, index, digest };
    }
    case "done": {
      const { bytesRead, bytesSent, bytesResent, durationMs } = value;
      if (!isCount(bytesRead) || !isCount(bytesSent)) return;
      if (!isCount(bytesResent) || !isCount(durationMs)) return;
      return { type, bytesRead, bytesSent, bytesResent, durationMs };
    }
    case "failed": {
      const { code, message } = value;
      if (typeof code !== "string" || !Object.hasOwn(ExitCode, code)) return;
      if (!isText(message, /^[\x20-\x7e]{0,300}$/)) return;
      return { type, code: code as ExitName, message };
    }
    default:
      return undefined;
  }
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isText(value: unknown, pattern: RegExp): value is string {
  return typeof value === "string" && pattern.test(value);
}
