/**
 * The instance metadata service of one machine: version 2 only. EC2's is at 169.254.169.254 port 80;
 * so is ours in a network namespace. Elsewhere it is on the machine's own loopback address, and
 * programs find it by `AWS_EC2_METADATA_SERVICE_ENDPOINT`, as the AWS SDKs do.
 */

import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Server as Listener } from "node:net";
import { METADATA_CONNECTIONS_MAX, METADATA_TOKEN_MAX_SECONDS } from "./limits.ts";
import { findMetadata, listMetadata, type MetadataNode } from "./metadata-tree.ts";

/** Ours: the port of Amazon's own mock. Below the ports that the kernel hands out by itself. */
const PREFERRED_PORT = 1338;

const TOKEN_HEADER = "x-aws-ec2-metadata-token";
const TTL_HEADER = "x-aws-ec2-metadata-token-ttl-seconds";

export interface MetadataService {
  /** `http://<address>:<port>` */
  readonly endpoint: string;
  /** Ends every connection. */
  close(): Promise<void>;
}

/**
 * @param place - The machine's loopback address, or what listens for it inside.
 * @param tree - Asked for every request, so that a changed tag is seen at once.
 */
export async function startMetadataService(
  place: string | Listener,
  tree: () => MetadataNode,
): Promise<MetadataService> {
  const tokens = new Tokens();
  const server = createServer({ maxHeaderSize: 8192, requestTimeout: 10_000 });
  server.on("request", (request, response) => {
    request.resume();
    const path = (request.url ?? "/").replace(/\?.*$/, "");
    try {
      send(response, answer(request, path, { tokens, tree }));
    } catch {
      // The instance has gone from the store a moment before its machine.
      send(response, { status: 500, body: "Internal Server Error" });
    }
  });
  server.maxConnections = METADATA_CONNECTIONS_MAX;
  server.unref();
  if (typeof place !== "string") return serveListener(server, place);
  const port = await listen(server, place);
  return {
    endpoint: `http://${place}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Context {
  readonly tokens: Tokens;
  readonly tree: () => MetadataNode;
}

interface Answer {
  readonly status: number;
  /** Of a refusal: its title. */
  readonly body: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

function answer(request: IncomingMessage, path: string, context: Context): Answer {
  if (request.method === "PUT") return issueToken(request, path, context.tokens);
  if (request.method !== "GET" && request.method !== "HEAD") {
    return { status: 405, body: "Method Not Allowed", headers: { Allow: "OPTIONS, HEAD, GET" } };
  }
  if (!context.tokens.accepts(request.headers[TOKEN_HEADER])) {
    return { status: 401, body: "Unauthorized" };
  }
  if (path === "/") return { status: 200, body: "1.0\n2021-03-23\nlatest" };
  const [matched, below = "/"] = /^\/(?:latest|\d{4}-\d{2}-\d{2}|1\.0)(\/.*)?$/.exec(path) ?? [];
  const tree = context.tree();
  const node = matched === undefined ? undefined : findMetadata(tree, below);
  if (node === undefined) return { status: 404, body: "Not Found" };
  if (typeof node === "string" || Buffer.isBuffer(node)) return { status: 200, body: node };
  // The top is the one directory whose own directories are listed without a slash.
  const names = listMetadata(node);
  return { status: 200, body: node === tree ? names.replaceAll("/", "") : names };
}

function issueToken(request: IncomingMessage, path: string, tokens: Tokens): Answer {
  if (!/^\/[^/]+\/api\/token$/.test(path)) return { status: 404, body: "Not Found" };
  // EC2 refuses what came through a proxy: a token must not leave the machine.
  if (request.headers["x-forwarded-for"] !== undefined) return { status: 403, body: "Forbidden" };
  const header = request.headers[TTL_HEADER];
  const seconds = typeof header === "string" && /^\d{1,6}$/.test(header) ? Number(header) : 0;
  if (seconds < 1 || seconds > METADATA_TOKEN_MAX_SECONDS) {
    return { status: 400, body: "Bad Request" };
  }
  return {
    status: 200,
    body: tokens.issue(seconds),
    headers: { "X-Aws-Ec2-Metadata-Token-Ttl-Seconds": String(seconds) },
  };
}

function send(response: ServerResponse, { status, body, headers = {} }: Answer): void {
  if (status === 200) {
    const type = typeof body === "string" ? "text/plain" : "application/octet-stream";
    response.writeHead(200, { Server: "EC2ws", "Content-Type": type, ...headers });
    response.end(body);
    return;
  }
  const title = `${status} - ${body}`;
  response.writeHead(status, { Server: "EC2ws", "Content-Type": "text/html", ...headers });
  response.end(
    `<?xml version="1.0" encoding="iso-8859-1"?>\n<html><head><title>${title}</title></head>` +
      `<body><h1>${title}</h1></body></html>\n`,
  );
}

/** Tokens carry their own end, signed: nothing is kept, however many are asked for. */
class Tokens {
  readonly #key = randomBytes(32);

  issue(seconds: number): string {
    const end = String(Date.now() + seconds * 1000);
    return `${Buffer.from(end).toString("base64url")}.${this.#sign(end).toString("base64url")}`;
  }

  accepts(token: string | string[] | undefined): boolean {
    if (typeof token !== "string") return false;
    const [endText = "", signatureText = ""] = token.split(".");
    const end = Buffer.from(endText, "base64url").toString();
    const signature = Buffer.from(signatureText, "base64url");
    const expected = this.#sign(end);
    return (
      signature.length === expected.length &&
      timingSafeEqual(signature, expected) &&
      Number(end) > Date.now()
    );
  }

  #sign(end: string): Buffer {
    return createHmac("sha256", this.#key).update(end).digest();
  }
}

function serveListener(server: Server, listener: Listener): MetadataService {
  listener.maxConnections = METADATA_CONNECTIONS_MAX;
  listener.on("connection", (socket) => {
    server.emit("connection", socket);
    socket.resume();
  });
  listener.unref();
  return {
    endpoint: "http://169.254.169.254",
    close: () =>
      new Promise((resolve) => {
        listener.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function listen(server: Server, address: string): Promise<number> {
  for (const port of [PREFERRED_PORT, 0]) {
    try {
      return await tryListen(server, address, port);
    } catch (error) {
      const inUse = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
      if (port === 0 || !inUse) {
        throw new Error(`the metadata service cannot listen on ${address}`, { cause: error });
      }
    }
  }
  throw new Error(`the metadata service cannot listen on ${address}`);
}

function tryListen(server: Server, address: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, address, () => {
      server.off("error", reject);
      const bound = server.address();
      resolve(typeof bound === "object" && bound !== null ? bound.port : port);
    });
  });
}
