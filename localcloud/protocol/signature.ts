/**
 * AWS Signature Version 4, the checking side: who signed this request, for which region and
 * service, and with the right secret? The region and the account of a call come from nowhere else.
 */

import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

/** What the Authorization header claims. */
export interface Claim {
  readonly accessKeyId: string;
  /** `yyyymmdd` */
  readonly date: string;
  readonly region: string;
  readonly service: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  readonly sessionToken: string | undefined;
}

export interface SignedRequest {
  readonly method: string;
  /** Path and query as received. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([\w-]{1,128})\/(\d{8})\/([\w-]{1,64})\/([\w-]{1,32})\/aws4_request, ?SignedHeaders=([\w;-]{1,1000}), ?Signature=([0-9a-f]{64})$/;

/** @returns `undefined` when the request is not signed at all or in another way. */
export function readClaim(headers: IncomingHttpHeaders): Claim | undefined {
  const match = AUTHORIZATION.exec(headers.authorization ?? "");
  if (match === null) return undefined;
  const [, accessKeyId, date, region, service, signedHeaders, signature] = match;
  if (!accessKeyId || !date || !region || !service || !signedHeaders || !signature) {
    return undefined;
  }
  return {
    accessKeyId,
    date,
    region,
    service,
    signedHeaders: signedHeaders.split(";"),
    signature,
    sessionToken: headerText(headers, "x-amz-security-token"),
  };
}

/** True when `secretAccessKey` signed exactly this request. */
export function isSignedWith(
  request: SignedRequest,
  claim: Claim,
  secretAccessKey: string,
): boolean {
  const time = headerText(request.headers, "x-amz-date") ?? "";
  const scope = `${claim.date}/${claim.region}/${claim.service}/aws4_request`;
  const toSign = ["AWS4-HMAC-SHA256", time, scope, sha256(canonicalRequest(request, claim))];
  let key: Buffer = Buffer.from(`AWS4${secretAccessKey}`);
  for (const part of [claim.date, claim.region, claim.service, "aws4_request"]) {
    key = createHmac("sha256", key).update(part).digest();
  }
  const expected = createHmac("sha256", key).update(toSign.join("\n")).digest();
  return timingSafeEqual(expected, Buffer.from(claim.signature, "hex"));
}

function canonicalRequest(request: SignedRequest, claim: Claim): string {
  const [path = "/", query = ""] = request.url.split("?", 2);
  const headers = claim.signedHeaders.map((name) => {
    const text = (headerText(request.headers, name) ?? "").trim().replace(/ +/g, " ");
    return `${name}:${text}\n`;
  });
  return [
    request.method,
    path,
    query.split("&").sort().join("&"),
    headers.join(""),
    claim.signedHeaders.join(";"),
    sha256(request.body),
  ].join("\n");
}

function headerText(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(",") : value;
}

function sha256(data: string | Buffer): string {
  return createHash("sha256").update(data).digest("hex");
}
