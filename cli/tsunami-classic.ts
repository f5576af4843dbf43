/** `tsunami serve|get|list` in the classic revision. */

import { ClassicReceiver, type ConnectOptions } from "../tsunami/classic/receiver.ts";
import { type ServeEvent, serveClassic } from "../tsunami/classic/sender.ts";
import { ALL_FILES } from "../tsunami/classic/wire.ts";
import { outputPlaces } from "./output-places.ts";
import { formatBytes, formatRate, printable, TransferMeter } from "./transfer-meter.ts";
import type { GetCommand, ListCommand, ServeCommand } from "./tsunami-command.ts";
import { unlessOtherRevision } from "./tsunami-other-revision.ts";
import type { TsunamiOutput } from "./tsunami-output.ts";

export async function serveFiles(
  command: ServeCommand,
  secret: Uint8Array,
  { say, note, signal }: TsunamiOutput,
): Promise<void> {
  const { address, port, heartbeatTimeoutMs, paths, json } = command;
  const tell = (event: ServeEvent): void => {
    if (json) say(JSON.stringify(withMessage(event)));
    else note(describe(event));
  };
  const sender = await serveClassic({
    ...(address !== undefined && { address }),
    ...(heartbeatTimeoutMs !== undefined && { heartbeatTimeoutMs }),
    port,
    secret,
    paths,
    onEvent: tell,
  });
  try {
    const listening = { kind: "listening", address: sender.address, port: sender.port };
    if (json) say(JSON.stringify(listening));
    else note(`${paths.length} files served at ${sender.address}:${sender.port} until Ctrl-C`);
    if (!signal.aborted) await new Promise((end) => signal.addEventListener("abort", end));
  } finally {
    await sender.close();
  }
  signal.throwIfAborted();
}

export async function getFiles(
  command: GetCommand,
  secret: Uint8Array,
  { say, signal }: TsunamiOutput,
): Promise<void> {
  const { host, port, parameters, policy, historyPercent, udpPort, dataAddress, json } = command;
  const receiver = await connect({ host, port, secret, signal });
  try {
    const names: string[] = [];
    for (const file of command.files) {
      if (file === ALL_FILES) names.push(...(await receiver.listAll()));
      else names.push(file);
    }
    const places = outputPlaces(names, command);
    for (const [index, name] of names.entries()) {
      const path = places[index];
      if (path === undefined) continue;
      const meter = new TransferMeter(name);
      const report = await receiver
        .get(name, path, {
          parameters,
          policy,
          ...(historyPercent !== undefined && { historyPercent }),
          ...(udpPort !== undefined && { udpPort }),
          ...(dataAddress !== undefined && { dataAddress }),
          onProgress: (progress) => meter.show(progress),
        })
        .finally(() => meter.clear());
      const rate = formatRate((report.sizeBytes * 8000) / Math.max(1, report.durationMs));
      const lost = report.missingBlocks > 0 ? `, ${report.missingBlocks} blocks lost` : "";
      if (json) say(JSON.stringify({ name, path, ...report }));
      else say(`${printable(name)}  ${formatBytes(report.sizeBytes)}  ${rate}${lost}`);
    }
  } finally {
    receiver.close();
  }
}

export async function listFiles(
  { host, port, json }: ListCommand,
  secret: Uint8Array,
  { say, signal }: TsunamiOutput,
): Promise<void> {
  const receiver = await connect({ host, port, secret, signal });
  try {
    for (const file of await receiver.list()) {
      say(json ? JSON.stringify(file) : `${file.sizeBytes}\t${printable(file.name)}`);
    }
  } finally {
    receiver.close();
  }
}

async function connect(options: ConnectOptions & { readonly port: number }) {
  return await unlessOtherRevision({ ...options, revision: "classic" }, (signal) =>
    ClassicReceiver.connect({ ...options, signal }),
  );
}

function withMessage(event: ServeEvent): object {
  if (event.kind !== "closed" || event.error === undefined) return event;
  return { ...event, error: event.error.message };
}

function describe(event: ServeEvent): string {
  const { peer } = event;
  switch (event.kind) {
    case "connected":
      return `${peer} connected`;
    case "refused":
      return event.reason === "secret"
        ? `${peer} has another secret`
        : `${peer} asked for ${printable(event.name ?? "")}, which is not served`;
    case "started":
      return `${peer} fetches ${printable(event.name)}, ${formatBytes(event.sizeBytes)}`;
    case "finished":
      return `${peer} has ${printable(event.name)}: ${event.datagrams} datagrams, ${event.retransmitted} of them again`;
    case "closed":
      return event.error === undefined ? `${peer} left` : `${peer} cut off: ${event.error.message}`;
  }
}
