/**
 * What a person does to a running localcloud beside the AWS API, over HTTP on the same endpoint:
 *
 *   POST /localcloud/import-image      ImportImageRequest     → ImportedImage
 *   POST /localcloud/export-snapshot   ExportSnapshotRequest  → ExportedSnapshot
 *   POST /localcloud/configure         ConfigureRequest       → Configured
 *   GET  /localcloud/list                                     → Listing
 *   POST /localcloud/faults            FaultPlanInput         → {}
 *   GET  /localcloud/faults                                   → FiredFaults
 *
 * Bodies are JSON; a refusal is `{ "error": "<sentence>" }`. Every request carries the token that
 * the environment of this localcloud names: other users of the computer can open loopback ports too,
 * and these calls read and write files.
 */

import { timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { isAbsolute } from "node:path";
import { type Configuration, readConfiguration } from "./account-configuration.ts";
import type { FiredFault } from "./faults/fault-log.ts";
import { type ImageDescription, readImageDescription } from "./image-description.ts";

/** Where all of it is, on the endpoint. */
export const ADMIN_PATH = "/localcloud/";

/** Ours. A request names files, it does not hold them. */
const BODY_MAX_BYTES = 256 * 1024;

export interface ImportImageRequest {
  readonly region: string;
  /** Account id or profile name, e.g. `aws-us-gov-1`. @default the region's partition's first */
  readonly account?: string;
  /** @default one that is free */
  readonly name?: string;
  /** @default "x86_64" */
  readonly architecture?: "x86_64" | "arm64";
  /** What else it is. @default HVM with ENA, plain Linux, gp3, shared with nobody */
  readonly describe?: ImageDescription;
  /** The first is the root. Files are raw disks, by absolute path. */
  readonly disks: readonly { readonly deviceName: string; readonly path: string }[];
}

export interface ImportedImage {
  readonly imageId: string;
  readonly name: string;
  readonly account: string;
  readonly region: string;
  /** In the order of the disks. */
  readonly snapshotIds: readonly string[];
}

export interface ExportSnapshotRequest {
  readonly region: string;
  /** As in {@link ImportImageRequest}. */
  readonly account?: string;
  readonly snapshotId: string;
  /** Absolute; an older file is replaced. */
  readonly path: string;
}

export interface ExportedSnapshot {
  readonly sizeBytes: number;
}

export interface ConfigureRequest {
  readonly region: string;
  /** As in {@link ImportImageRequest}. */
  readonly account?: string;
  /** Empty: nothing changes, the answer tells what there is. */
  readonly settings: Configuration;
}

/** What can be named in calls to come. */
export interface Configured {
  readonly account: string;
  readonly region: string;
  /** ARN by alias. */
  readonly keyArns: Readonly<Record<string, string>>;
}

/** One thing that somebody made. */
export interface ListedThing {
  /** `image`, `snapshot`, `volume`, `instance` or `security-group`. */
  readonly kind: string;
  readonly id: string;
  /** As EC2 says it, e.g. `available`; empty for things without one. */
  readonly state: string;
  readonly tags: Readonly<Record<string, string>>;
  /** What else tells it from others: its name, size, type, addresses. */
  readonly details: Readonly<Record<string, string | number>>;
}

export interface ListedRegion {
  readonly account: string;
  readonly profile: string;
  readonly partition: string;
  readonly region: string;
  readonly things: readonly ListedThing[];
}

/**
 * Images, snapshots, volumes, instances and security groups that were made, by account and region.
 * Not what every account has from the start: its default groups, Amazon's images. A region without
 * anything is not listed.
 */
export interface Listing {
  readonly regions: readonly ListedRegion[];
}

/** What has gone wrong on request so far, oldest first; times are ISO 8601. */
export interface FiredFaults {
  readonly fired: readonly (Omit<FiredFault, "at"> & { readonly at: Date | string })[];
}

/** What the routes need of a localcloud. Errors reach the person by their message. */
export interface AdminTarget {
  readonly token: string;
  importImage(request: ImportImageRequest): Promise<ImportedImage>;
  exportSnapshot(request: ExportSnapshotRequest): Promise<ExportedSnapshot>;
  configure(request: ConfigureRequest): Promise<Configured>;
  list(): Promise<Listing>;
  /** @throws FaultPlanError */
  setFaults(plan: unknown): Promise<void>;
  readonly firedFaults: readonly FiredFault[];
}

/** A request that cannot be done; the message says why. */
export class AdminError extends Error {
  override readonly name = "AdminError";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Answers a request whose path starts with {@link ADMIN_PATH}. Never throws. */
export async function handleAdmin(
  request: IncomingMessage,
  response: ServerResponse,
  target: AdminTarget,
): Promise<void> {
  let status = 200;
  let body: unknown;
  try {
    if (!hasToken(request, target.token)) {
      throw new AdminError(403, "this localcloud's AMICOPY_LOCALCLOUD_TOKEN is another one");
    }
    body = await route(request, target);
  } catch (error) {
    status = error instanceof AdminError ? error.status : 422;
    body = { error: error instanceof Error ? error.message : String(error) };
  }
  request.resume();
  // A body that was given up in the middle would stand before the next request for ever.
  if (request.destroyed && !request.complete) response.setHeader("Connection", "close");
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(`${JSON.stringify(body)}\n`);
}

async function route(request: IncomingMessage, target: AdminTarget): Promise<unknown> {
  const call = `${request.method} ${(request.url ?? "").replace(/\?.*$/, "")}`;
  switch (call) {
    case `GET ${ADMIN_PATH}list`:
      return target.list();
    case `GET ${ADMIN_PATH}faults`:
      return { fired: target.firedFaults } satisfies FiredFaults;
    case `POST ${ADMIN_PATH}faults`:
      await target.setFaults(await readBody(request));
      return {};
    case `POST ${ADMIN_PATH}import-image`:
      return target.importImage(readImport(await readBody(request)));
    case `POST ${ADMIN_PATH}export-snapshot`:
      return target.exportSnapshot(readExport(await readBody(request)));
    case `POST ${ADMIN_PATH}configure`:
      return target.configure(readConfigure(await readBody(request)));
    default:
      throw new AdminError(404, `localcloud has no ${call}`);
  }
}

function hasToken(request: IncomingMessage, token: string): boolean {
  const given = Buffer.from(request.headers.authorization ?? "");
  const expected = Buffer.from(`Bearer ${token}`);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

async function readBody(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > BODY_MAX_BYTES) throw new AdminError(413, "the request is too long");
    chunks.push(chunk);
  }
  try {
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString());
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw new AdminError(400, "the request's body is not a JSON object");
}

function readImport(body: Record<string, unknown>): ImportImageRequest {
  const { architecture, disks } = body;
  if (architecture !== undefined && architecture !== "x86_64" && architecture !== "arm64") {
    throw new AdminError(400, `architecture is x86_64 or arm64, not ${String(architecture)}`);
  }
  if (!Array.isArray(disks) || disks.length === 0) {
    throw new AdminError(400, "an image needs at least one disk");
  }
  return {
    region: text(body, "region"),
    ...optionalText(body, "account"),
    ...optionalText(body, "name"),
    ...(architecture === undefined ? {} : { architecture }),
    ...(body.describe === undefined
      ? {}
      : { describe: readDocument(readImageDescription, body.describe) }),
    disks: disks.map((disk: unknown) => {
      const fields = (typeof disk === "object" && disk !== null ? disk : {}) as Record<
        string,
        unknown
      >;
      return { deviceName: text(fields, "deviceName"), path: path(fields) };
    }),
  };
}

function readConfigure(body: Record<string, unknown>): ConfigureRequest {
  return {
    region: text(body, "region"),
    ...optionalText(body, "account"),
    settings: readDocument(readConfiguration, body.settings ?? {}),
  };
}

/** What is wrong with it is the caller's mistake. */
function readDocument<Document>(read: (value: unknown) => Document, value: unknown): Document {
  try {
    return read(value);
  } catch (error) {
    throw new AdminError(400, error instanceof Error ? error.message : String(error));
  }
}

function readExport(body: Record<string, unknown>): ExportSnapshotRequest {
  return {
    region: text(body, "region"),
    ...optionalText(body, "account"),
    snapshotId: text(body, "snapshotId"),
    path: path(body),
  };
}

function text(body: Record<string, unknown>, name: string): string {
  const value = body[name];
  if (typeof value === "string" && value !== "") return value;
  throw new AdminError(400, `${name} is missing`);
}

function optionalText<Name extends string>(
  body: Record<string, unknown>,
  name: Name,
): { [key in Name]?: string } {
  return body[name] === undefined
    ? {}
    : ({ [name]: text(body, name) } as { [key in Name]: string });
}

function path(body: Record<string, unknown>): string {
  const value = text(body, "path");
  if (!isAbsolute(value)) throw new AdminError(400, `the path ${value} is not absolute`);
  return value;
}
