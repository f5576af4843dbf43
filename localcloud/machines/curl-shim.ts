/**
 * `curl` of a machine, as far as boot scripts use it: it fetches `file://` and loopback addresses,
 * and nothing else, so that a script on a person's computer never loads anything from a network.
 * Options, exit codes and messages are curl's.
 */

import { createReadStream, createWriteStream } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

/** curl's own numbers. */
const ExitCode = {
  badUsage: 2,
  badUrl: 3,
  unknownHost: 6,
  noConnection: 7,
  httpError: 22,
  writeError: 23,
  timeout: 28,
  unreadableFile: 37,
  tooManyRedirects: 47,
} as const;

const REDIRECTS_MAX = 10;
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3})$/;

/** Ends the program with a message in curl's words. */
class CurlError extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}

type Options = ReturnType<typeof readOptions>["values"];

try {
  await main(process.argv.slice(2));
} catch (error) {
  const exitCode = error instanceof CurlError ? error.exitCode : ExitCode.writeError;
  const message = error instanceof Error ? error.message : String(error);
  console.error(`curl: (${exitCode}) ${message}`);
  process.exitCode = exitCode;
}

async function main(argv: readonly string[]): Promise<void> {
  const { values, positionals } = readOptions(argv);
  const [url, ...others] = positionals;
  if (url === undefined || others.length > 0) {
    throw new CurlError(ExitCode.badUsage, "exactly one URL is expected here");
  }
  const body = await open(url, values);
  const output = values.output ?? (values["remote-name"] === true ? lastPart(url) : undefined);
  if (output === undefined || output === "-") return pipeline(body, process.stdout);
  return pipeline(body, createWriteStream(output));
}

function readOptions(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        fail: { type: "boolean", short: "f" },
        silent: { type: "boolean", short: "s" },
        "show-error": { type: "boolean", short: "S" },
        location: { type: "boolean", short: "L" },
        "remote-name": { type: "boolean", short: "O" },
        output: { type: "string", short: "o" },
        header: { type: "string", short: "H", multiple: true },
        request: { type: "string", short: "X" },
        "max-time": { type: "string", short: "m" },
        // Taken and without a meaning here: nothing is retried, nothing is encrypted.
        "connect-timeout": { type: "string" },
        retry: { type: "string" },
        "retry-delay": { type: "string" },
        "retry-max-time": { type: "string" },
        "retry-connrefused": { type: "boolean" },
        "retry-all-errors": { type: "boolean" },
        proto: { type: "string" },
        "proto-redir": { type: "string" },
        "tlsv1.2": { type: "boolean" },
        "tlsv1.3": { type: "boolean" },
      },
    });
  } catch (error) {
    throw new CurlError(ExitCode.badUsage, error instanceof Error ? error.message : "bad usage");
  }
}

async function open(text: string, options: Options): Promise<Readable> {
  let url = parseUrl(text);
  for (let hops = 0; hops <= REDIRECTS_MAX; hops += 1) {
    if (url.protocol === "file:") return openFile(url);
    const response = await fetchLoopback(url, options);
    const status = response.statusCode ?? 0;
    const location = response.headers.location;
    if (options.location !== true || status < 300 || status > 399 || location === undefined) {
      if (status >= 400 && options.fail === true) {
        response.destroy();
        throw new CurlError(ExitCode.httpError, `The requested URL returned error: ${status}`);
      }
      return response;
    }
    response.destroy();
    url = parseUrl(new URL(location, url).href);
  }
  throw new CurlError(ExitCode.tooManyRedirects, `Maximum (${REDIRECTS_MAX}) redirects followed`);
}

function parseUrl(text: string): URL {
  const url = URL.parse(text.includes("://") ? text : `http://${text}`);
  if (url === null) throw new CurlError(ExitCode.badUrl, "URL rejected: Malformed input");
  if (url.protocol === "file:") return url;
  if (!LOOPBACK.test(url.hostname)) {
    throw new CurlError(
      ExitCode.unknownHost,
      `Could not resolve host: ${url.hostname} (a localcloud machine has no network)`,
    );
  }
  if (url.protocol !== "http:") {
    throw new CurlError(1, `Protocol "${url.protocol.slice(0, -1)}" not supported`);
  }
  return url;
}

async function openFile(url: URL): Promise<Readable> {
  const stream = createReadStream(fileURLToPath(url));
  await new Promise<void>((resolve, reject) => {
    stream.once("open", () => resolve());
    stream.once("error", () =>
      reject(new CurlError(ExitCode.unreadableFile, `Couldn't open file ${fileURLToPath(url)}`)),
    );
  });
  return stream;
}

function fetchLoopback(url: URL, options: Options): Promise<IncomingMessage> {
  const headers: Record<string, string> = { "User-Agent": "curl/8.11.1", Accept: "*/*" };
  for (const line of options.header ?? []) {
    const colon = line.indexOf(":");
    if (colon > 0) headers[line.slice(0, colon)] = line.slice(colon + 1).trim();
  }
  const limitMs = Math.ceil(Number(options["max-time"] ?? 60) * 1000);
  const signal = AbortSignal.timeout(Number.isFinite(limitMs) && limitMs > 0 ? limitMs : 60_000);
  return new Promise((resolve, reject) => {
    const call = request(url, { method: options.request ?? "GET", headers, signal }, resolve);
    call.once("error", (error) => {
      reject(
        error.name === "AbortError" || error.name === "TimeoutError"
          ? new CurlError(ExitCode.timeout, "Operation timed out")
          : new CurlError(
              ExitCode.noConnection,
              `Failed to connect to ${url.hostname} port ${url.port || 80}: ${error.message}`,
            ),
      );
    });
    call.end();
  });
}

function lastPart(url: string): string {
  return new URL(url).pathname.split("/").at(-1) || "curl_response";
}
