/**
 * The receiver's disk thread: opens whole records and writes what they carry. A range that is said
 * to be zero costs nothing on a blank volume; elsewhere it is read, and zeroed where it is not.
 */

import { freeMemory } from "../sockets/free-buffer.ts";
import { TransferError } from "../transfer-error.ts";
import { isZero } from "./digest.ts";
import type { DiskPort } from "./disk-worker.ts";
import { LEAF_BYTES, SEALED_BYTES_MAX, WINDOW_RECORDS } from "./limits.ts";
import { type OpenVolume, onDisk, openTarget, readExactly, type Volume } from "./open-volume.ts";
import { type Coverage, openRecord } from "./record.ts";

/** Ours. Opened records in memory at once. */
const WRITES_MAX = 8;

/** Serves until the thread ends. Posts `ready`, then `written` or `torn` for every record. */
export async function writeVolumes(
  volumes: readonly Volume[],
  ring: Buffer,
  port: DiskPort,
): Promise<void> {
  const targets: OpenVolume[] = [];
  for (const volume of volumes) targets.push(await openTarget(volume));
  port.post({ type: "ready", blank: targets.map((target) => target.blank) });
  const sizes = volumes.map((volume) => volume.sizeBytes);
  const waiting: { record: number; sealedBytes: number }[] = [];
  let key: Uint8Array = new Uint8Array();
  const spare = Array.from({ length: WRITES_MAX }, () => Buffer.allocUnsafeSlow(SEALED_BYTES_MAX));
  const next = () => {
    while (waiting.length) {
      const plain = spare.pop();
      const first = plain && waiting.shift();
      if (!first) return;
      write(first.record, first.sealedBytes, plain).then(
        () => {
          spare.push(plain);
          next();
        },
        (error) => port.fail(error),
      );
    }
  };
  const write = async (record: number, sealedBytes: number, plain: Buffer) => {
    const slot = (record % WINDOW_RECORDS) * SEALED_BYTES_MAX;
    const opened = open(key, record, ring.subarray(slot, slot + sealedBytes), sizes, plain);
    if (opened === undefined) return port.post({ type: "torn", record });
    const target = targets[opened.coverage.volume];
    if (target) await onDisk(target.path, () => writeRecord(target, opened.coverage, opened.data));
    if (opened.data.buffer !== plain.buffer) freeMemory(opened.data);
    port.post({ type: "written", record, coverage: opened.coverage });
  };
  port.onMessage((message) => {
    if (message.type === "start") key = message.key;
    if (message.type === "write") waiting.push(message);
    next();
  });
}

function open(
  ...[key, record, sealed, sizes, plain]: Required<Parameters<typeof openRecord>>
): ReturnType<typeof openRecord> {
  try {
    return openRecord(key, record, sealed, sizes, plain);
  } catch (error) {
    throw new TransferError("protocol", `record ${record} of the peer makes no sense`, error);
  }
}

async function writeRecord(target: OpenVolume, coverage: Coverage, data: Buffer): Promise<void> {
  let from = 0;
  let zeroFrom = coverage.start;
  for (const { offset, length } of coverage.extents) {
    await zero(target, zeroFrom, offset);
    zeroFrom = offset + length;
    await writeFully(target, data.subarray(from, from + length), offset);
    from += length;
  }
  if (!coverage.keep) await zero(target, zeroFrom, coverage.end);
}

async function writeFully(target: OpenVolume, data: Buffer, position: number): Promise<void> {
  for (let done = 0; done < data.length; ) {
    const { bytesWritten } = await target.handle.write(
      data,
      done,
      data.length - done,
      position + done,
    );
    done += bytesWritten;
  }
}

async function zero(target: OpenVolume, from: number, to: number): Promise<void> {
  if (target.blank) return;
  const buffer = Buffer.alloc(LEAF_BYTES);
  for (let at = from; at < to; at += LEAF_BYTES) {
    const old = await readExactly(target.handle, buffer, at, Math.min(LEAF_BYTES, to - at));
    if (!isZero(old)) await writeFully(target, old.fill(0), at);
  }
}
