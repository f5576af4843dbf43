/**
 * `tsunami serve|get|list --sealed`: files, block devices and /dev/null over the sealed engine. A
 * file is written beside its name and renamed when both sides have the same digest of it; what an
 * earlier try has left there is not fetched again.
 */

import { lookup } from "node:dns/promises";
import { open, stat } from "node:fs/promises";
import { isIPv6 } from "node:net";
import { extname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Control } from "../tsunami/sealed/control.ts";
import { receiver } from "../tsunami/sealed/receiver.ts";
import { sender } from "../tsunami/sealed/sender.ts";
import { runSession, type SessionOptions } from "../tsunami/sealed/session.ts";
import { TransferError } from "../tsunami/transfer-error.ts";
import { outputPlaces } from "./output-places.ts";
import { PartialFile } from "./partial-file.ts";
import {
  askForFiles,
  askForList,
  checkOffer,
  filesIdentity,
  type OfferedFile,
  offerFiles,
} from "./sealed-offer.ts";
import { formatBytes, formatRate, printable, TransferMeter } from "./transfer-meter.ts";
import type { GetCommand, ListCommand, ServeCommand } from "./tsunami-command.ts";
import type { TsunamiOutput } from "./tsunami-output.ts";
import { checkPort } from "./tsunami-port.ts";
import { UsageError } from "./usage-error.ts";

/** Ours. A person who typed a wrong name of a host does not want to wait two minutes. */
const CONNECT_MS = 30_000;
/** Beside this file, as a source or as a bundle. */
const WORKER_ENTRY = new URL(`./disk-thread${extname(import.meta.filename)}`, import.meta.url);
const SECTOR_BYTES = 512;
/** Ours. Between a receiver that failed and the next offer. */
const FAILURE_PAUSE_MS = 100;

export async function serveSealed(
  command: ServeCommand,
  psk: Uint8Array,
  { say, note, signal }: TsunamiOutput,
): Promise<void> {
  const { address, port, json } = command;
  if (address !== undefined && isIPv6(address)) {
    throw new UsageError(`--address ${address}: the sealed revision speaks IPv4`);
  }
  const listFiles = async (): Promise<OfferedFile[]> => {
    const files: OfferedFile[] = [];
    for (const name of new Set(command.paths)) {
      files.push({ name, sizeBytes: await sizeOf(name, command.deviceSizeBytes) });
    }
    return files;
  };
  const files = await listFiles();
  checkOffer(files);
  await checkPort(port, address);
  if (json) say(JSON.stringify({ kind: "listening", port }));
  else note(`${files.length} files served, sealed, at port ${port} until Ctrl-C`);
  while (!signal.aborted) {
    try {
      const offer = { port, psk, signal, localAddress: address };
      const { met, files: chosen, rateCapBitsPerSecond } = await offerFiles(listFiles, offer);
      if (chosen.length === 0) {
        await met.end();
        continue;
      }
      const names = chosen.map(({ name }) => name);
      const volumes = chosen.map(({ name, sizeBytes }) => ({ path: name, sizeBytes }));
      const report = await runSession({
        ...sessionBasics({ psk, signal, port, volumes, met }),
        role: sender,
        listens: true,
        ...(address !== undefined && { localAddress: address }),
        ...(rateCapBitsPerSecond !== undefined && { rateCapBitsPerSecond }),
        onProgress: () => {},
      });
      if (json) say(JSON.stringify({ kind: "finished", names, ...report }));
      else
        note(
          `sent ${names.map(printable).join(", ")}: ${formatBytes(report.bytesSent)} on the wire`,
        );
    } catch (error) {
      signal.throwIfAborted();
      // A port that is taken stays taken; everything else was one receiver's trouble.
      if (!(error instanceof TransferError) || isOurPortsTrouble(error)) throw error;
      const { message } = error;
      if (json) say(JSON.stringify({ kind: "failed", message }));
      else note(`a receiver failed: ${message}`);
      // Whatever fails at once, again and again, must not keep Ctrl-C from being heard.
      await pause(FAILURE_PAUSE_MS);
    }
  }
  signal.throwIfAborted();
}

export async function getSealed(
  command: GetCommand,
  psk: Uint8Array,
  { say, note, signal }: TsunamiOutput,
): Promise<void> {
  const { port, json, rateCapBitsPerSecond } = command;
  const peerAddress = await addressOf(command.host);
  const connectTimeoutMs = CONNECT_MS;
  const onBusy = (): void => note(busy(command.host));
  const server = { peerAddress, port, psk, signal, connectTimeoutMs, onBusy, rateCapBitsPerSecond };
  const { met, files: taken } = await askForFiles(command.files, server);
  const targets: PartialFile[] = [];
  const meter = new TransferMeter(
    taken.length === 1 ? (taken[0]?.name ?? "") : `${taken.length} files`,
  );
  try {
    const names = taken.map(({ name }) => name);
    const places = outputPlaces(names, command);
    for (const path of places) targets.push(await PartialFile.open(path));
    const volumes = taken.map(({ sizeBytes }, index) => {
      return { path: targets[index]?.writtenPath ?? "", sizeBytes, isUsed: true };
    });
    const report = await runSession({
      ...sessionBasics({ psk, signal, port, volumes, met }),
      role: receiver,
      listens: false,
      peerAddress,
      onProgress: (progress) => meter.show(progress),
    }).finally(() => meter.clear());
    for (const target of targets) await target.finish();
    const { bytesKept, bytesSent, bytesResent } = report;
    if (bytesKept > 0) {
      const twice = bytesSent > 0 ? `; ${formatBytes(bytesResent)} sent twice` : "";
      note(`kept ${formatBytes(bytesKept)} of an earlier try${twice}`);
    }
    const totalBytes = volumes.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const rate = formatRate((totalBytes * 8000) / Math.max(1, report.durationMs));
    for (const [index, { name, sizeBytes }] of taken.entries()) {
      const digest = report.digests[index] ?? "";
      const path = targets[index]?.path;
      if (json) say(JSON.stringify({ name, path, sizeBytes, digest, ...totals(report) }));
      else say(`${printable(name)}  ${formatBytes(sizeBytes)}  ${rate}  digest ${digest}`);
    }
  } catch (error) {
    // Once a session has begun it tells the server itself, and has closed the connection since.
    const { message } = error as Error;
    met.send({ type: "failed", code: "peer-lost", message });
    const spoiled = error instanceof TransferError && error.code === "digest-mismatch";
    const left = targets.flatMap((target) => target.leave(spoiled) ?? []);
    if (left.length > 0) note(`the same command goes on where ${left.join(", ")} ends`);
    throw error;
  } finally {
    await met.end();
  }
}

export async function listSealed(
  { host, port, json }: ListCommand,
  psk: Uint8Array,
  { say, note, signal }: TsunamiOutput,
): Promise<void> {
  const peerAddress = await addressOf(host);
  for (const file of await askForList({
    peerAddress,
    port,
    psk,
    signal,
    connectTimeoutMs: CONNECT_MS,
    onBusy: () => note(busy(host)),
  })) {
    say(json ? JSON.stringify(file) : `${file.sizeBytes}\t${printable(file.name)}`);
  }
}

function busy(host: string): string {
  return `${printable(host)} is serving somebody else: waiting up to ${CONNECT_MS / 1000} s`;
}

function isOurPortsTrouble({ cause }: TransferError): boolean {
  return cause instanceof Error && "code" in cause && /^E(?:ADDR|ACCES)/.test(String(cause.code));
}

function sessionBasics(
  basics: Pick<SessionOptions, "psk" | "signal" | "port" | "volumes"> & { readonly met: Control },
): Pick<SessionOptions, keyof typeof basics | "pskIdentity" | "workerEntry" | "waits"> {
  const waits = { connectMs: CONNECT_MS };
  const pskIdentity = filesIdentity(basics.met);
  return { ...basics, pskIdentity, workerEntry: WORKER_ENTRY, waits };
}

function totals(report: Awaited<ReturnType<typeof runSession>>): object {
  const { bytesRead, bytesSent, bytesResent, bytesKept, durationMs } = report;
  // What the server has counted it says at the very end, and that may get lost.
  const sent = bytesSent > 0 && { bytesSent, bytesResent };
  return { bytesRead, ...sent, bytesKept, durationMs };
}

async function sizeOf(path: string, deviceSizeBytes: number | undefined): Promise<number> {
  const status = await stat(path).catch((error: Error) => {
    throw new TransferError("disk-io", `${path} cannot be served: ${error.message}`, error);
  });
  if (status.isFile()) return status.size;
  if (status.isBlockDevice()) return await blockDeviceSize(status.rdev);
  if (!status.isCharacterDevice()) {
    throw new TransferError("disk-io", `${path} is neither a file nor a device`);
  }
  if (deviceSizeBytes !== undefined) return deviceSizeBytes;
  throw new TransferError("disk-size", `${path} has no end: say --size BYTES`);
}

async function blockDeviceSize(deviceNumber: number): Promise<number> {
  // The kernel's layout of a device number: 12 bits of major between the minor's two parts.
  const major = (deviceNumber >> 8) & 0xfff;
  const minor = (deviceNumber & 0xff) | ((deviceNumber >> 12) & 0xfff00);
  const handle = await open(`/sys/dev/block/${major}:${minor}/size`);
  try {
    return Number(await handle.readFile("utf8")) * SECTOR_BYTES;
  } finally {
    await handle.close();
  }
}

async function addressOf(host: string): Promise<string> {
  try {
    return (await lookup(host, { family: 4 })).address;
  } catch (cause) {
    throw new TransferError("peer-unreachable", `${host} has no IPv4 address`, cause);
  }
}
