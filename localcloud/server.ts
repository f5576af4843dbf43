/**
 * The HTTP endpoint: one for all services, regions and accounts. Who calls and for which region is
 * in the request's signature.
 *
 *   POST /              EC2 and STS, query protocol; Service Quotas, JSON protocol
 *   …    /localcloud/…  a person's way in (admin.ts)
 */

import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Caller } from "./accounts.ts";
import { ADMIN_PATH, type AdminTarget, handleAdmin } from "./admin.ts";
import { findRegion, type Region } from "./catalog/regions.ts";
import { performAction } from "./perform-action.ts";
import { ApiError } from "./protocol/api-error.ts";
import {
  expired,
  unknownKey,
  unknownRegion,
  wrongSignature,
} from "./protocol/credential-errors.ts";
import { NoAnswer } from "./protocol/no-answer.ts";
import { SERVICES, type Service } from "./protocol/operations.ts";
import { isSignedWith, readClaim } from "./protocol/signature.ts";
import { JSON_WIRE, queryWire, type Wire } from "./protocol/wire.ts";
import type { Cloud } from "./store.ts";

/** Ours. User data is the longest thing anybody sends: 16 KiB, twice encoded. */
const BODY_MAX_BYTES = 1024 * 1024;
/** Ours. A client that connects and says nothing. */
const REQUEST_TIMEOUT_MS = 30_000;
/** Ours. Longer than anybody's polling, so that no request meets a connection that is just closing. */
const KEEP_ALIVE_TIMEOUT_MS = 65_000;

/** Called once the cloud exists: the address is claimed by listening, before anything else is made. */
export interface Backend {
  readonly cloud: Cloud;
  readonly admin: AdminTarget;
}

/** A server that is not listening yet. Requests that come before there is a backend get 503. */
export function makeServer(backend: () => Backend | undefined): Server {
  const server = createServer((request, response) => {
    const ready = backend();
    if (ready === undefined) {
      response.writeHead(503).end();
    } else if ((request.url ?? "").startsWith(ADMIN_PATH)) {
      void handleAdmin(request, response, ready.admin);
    } else {
      void answer(request, response, ready.cloud);
    }
  });
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.keepAliveTimeout = KEEP_ALIVE_TIMEOUT_MS;
  return server;
}

/** Never throws. */
async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  cloud: Cloud,
): Promise<void> {
  const requestId = randomUUID();
  let wire: Wire = isJson(request) ? JSON_WIRE : queryWire("ec2");
  let status = 200;
  let body: string;
  try {
    const service = serviceOf(request);
    wire = service === "servicequotas" ? JSON_WIRE : queryWire(service);
    const content = await readBody(request);
    const { action, readInput } = wire.read(request, content);
    const { caller, region } = authenticate(request, content, { service, action, cloud });
    const done = await performAction(cloud, { service, action, readInput, caller, region });
    body = wire.writeAnswer(done.operation, done.output, requestId);
  } catch (error) {
    if (error instanceof NoAnswer) return hangUp(request, error.afterMs, cloud);
    const refusal = toApiError(error);
    status = refusal.status;
    body = wire.writeError(refusal, requestId);
  }
  if (response.destroyed) return;
  // A body that was given up in the middle would stand before the next request for ever.
  if (!request.complete) response.setHeader("Connection", "close");
  response.writeHead(status, { "Content-Type": wire.contentType, "x-amzn-requestid": requestId });
  response.end(body);
}

/** Closes the connection without a word, so long after. */
async function hangUp(request: IncomingMessage, afterMs: number, cloud: Cloud): Promise<void> {
  await cloud.wait(afterMs).catch(() => undefined);
  request.socket.destroy();
}

/** SSM, KMS and their like are not here, and their clients must be able to read that. */
function isJson(request: IncomingMessage): boolean {
  return (request.headers["content-type"] ?? "").includes("json");
}

function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  // Whoever hangs up in the middle of a request is no failure of ours.
  const isGone = error instanceof Error && "code" in error && error.code === "ECONNRESET";
  if (!isGone) console.error("localcloud: a request failed:", error);
  return new ApiError("InternalError", error instanceof Error ? error.message : String(error));
}

/** EC2 answers errors in another form than STS, so this must be known first. */
function serviceOf(request: IncomingMessage): Service {
  const claim = readClaim(request.headers);
  if (claim === undefined) {
    throw new ApiError("MissingAuthenticationToken", "Request is missing Authentication Token");
  }
  const service = SERVICES.find((name) => name === claim.service);
  if (service !== undefined) return service;
  throw new ApiError("InvalidAction", `localcloud does not have the service ${claim.service}.`);
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > BODY_MAX_BYTES) {
      throw new ApiError("RequestEntityTooLarge", "The request is larger than 1 MiB.");
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

interface AuthenticationContext {
  readonly service: Service;
  readonly action: string;
  readonly cloud: Cloud;
}

/** @throws ApiError as the services do: EC2 says `AuthFailure` for nearly everything. */
function authenticate(
  request: IncomingMessage,
  body: Buffer,
  context: AuthenticationContext,
): { caller: Caller; region: Region } {
  const { service, cloud } = context;
  const claim = readClaim(request.headers);
  const fail = (error: ApiError): never => {
    cloud.calls.add({
      at: new Date(cloud.now()),
      service,
      action: context.action,
      accountId: undefined,
      region: claim?.region,
      ids: [],
      dryRun: false,
      outcome: error.code,
    });
    throw error;
  };
  if (claim === undefined) return fail(unknownKey(service));
  const place = findRegion(claim.region);
  if (place === undefined) {
    return fail(unknownRegion(service, claim.region));
  }
  const signer = cloud.accounts.signer(claim.accessKeyId, claim.sessionToken);
  if (signer === undefined || signer.caller.account.partition !== place.partition.name) {
    return fail(unknownKey(service));
  }
  const signed = { method: request.method ?? "", url: request.url ?? "", headers: request.headers };
  if (!isSignedWith({ ...signed, body }, claim, signer.secretAccessKey)) {
    return fail(wrongSignature(service));
  }
  if (signer.expiration !== undefined && signer.expiration.getTime() <= cloud.now()) {
    return fail(expired(service));
  }
  return { caller: signer.caller, region: place.region };
}
