#!/bin/sh
# Speaks the contract as the agent does, but copies only the first MiB of each disk, over plain TCP,
# so that tests of the workflow are quick and can make it misbehave: @BEHAVIOUR@ is one of `good`,
# `lies` (the destination tells other digests), `fails` (the source does, half way), `vanishes` (the
# source shuts down), `mute` (never says hello), `waits` (is introduced, says so and copies nothing).
node --input-type=module - <<'AGENT_END'
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { once } from "node:events";
import { spawnSync } from "node:child_process";
import { crc32 } from "node:zlib";

const job = @JOB@;
const behaviour = "@BEHAVIOUR@";
const isSource = job.side === "source";
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const metadata = process.env.AWS_EC2_METADATA_SERVICE_ENDPOINT;

async function read(path) {
  const header = "x-aws-ec2-metadata-token";
  const put = { method: "PUT", headers: { [`${header}-ttl-seconds`]: "600" } };
  const token = await (await fetch(`${metadata}/latest/api/token`, put)).text();
  const answer = await fetch(`${metadata}/latest/meta-data/${path}`, { headers: { [header]: token } });
  return answer.ok ? answer.text() : undefined;
}

const said = [];
const line = (sequence, message) => {
  const body = `${sequence} ${JSON.stringify(message)}`;
  console.log(`amicopy1 ${body} ${crc32(body).toString(16).padStart(8, "0")}`);
};
const say = (message) => line(said.push(message), message);

// A console may tear a line: each is said again until it is acknowledged.
async function repeat() {
  for (;;) {
    await pause(300);
    const heard = Number((await read("tags/instance/amicopy:ack")) ?? 0);
    said.forEach((message, index) => index >= heard && line(index + 1, message));
  }
}

async function peer() {
  for (;;) {
    const value = await read("tags/instance/amicopy:peer");
    if (value !== undefined) return value.split(":");
    await pause(50);
  }
}

const size = 2 ** 20;
async function disk(index, work) {
  const name = job.disks[index].deviceName.replace("/dev/", "");
  const file = await open(`${process.env.HOST_DEV}/${name}`, isSource ? "r" : "r+");
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}

async function copy([, address, port]) {
  let socket;
  if (job.listens) {
    const own = await read("local-ipv4");
    const server = createServer().listen(job.port, own);
    [socket] = await once(server, "connection");
    server.close();
  } else {
    const localAddress = await read("local-ipv4");
    for (;;) {
      socket = connect({ host: address, port: Number(port), localAddress });
      try {
        await once(socket, "connect");
        break;
      } catch {
        await pause(50);
      }
    }
  }
  const total = job.disks.length * size;
  const progress = (done) =>
    line(0, { type: "progress", bytesTotal: total, bytesDone: done, rateBitsPerSecond: 1e6, lossRatio: 0 });
  if (isSource) {
    for (const index of job.disks.keys()) {
      const data = await disk(index, async (file) => (await file.read(Buffer.alloc(size), 0, size, 0)).buffer);
      socket.write(data);
      progress((index + 1) * size);
      if (behaviour === "fails") throw new Error("the disk made a noise");
      if (behaviour === "vanishes") {
        spawnSync("shutdown", ["-P", "now"]);
        await pause(1e6);
      }
    }
    socket.end();
    await once(socket, "close");
    return;
  }
  const parts = [];
  for await (const part of socket) parts.push(part);
  const data = Buffer.concat(parts);
  if (data.length !== total) await pause(1e6);
  for (const index of job.disks.keys()) {
    await disk(index, (file) => file.write(data, index * size, size, 0));
    progress((index + 1) * size);
  }
}

async function main() {
  if (behaviour === "mute") await pause(1e6);
  say({ type: "hello", publicKey: (isSource ? "S" : "D").repeat(43), node: process.version });
  const introduction = await peer();
  // Again and again, as the agent does: a console may tear this line, too.
  while (behaviour === "waits") {
    line(0, { type: "progress", bytesTotal: 1, bytesDone: 0, rateBitsPerSecond: 1, lossRatio: 0 });
    await pause(300);
  }
  await copy(introduction);
  for (const index of job.disks.keys()) {
    const hash = createHash("sha256");
    await disk(index, async (file) => hash.update((await file.read(Buffer.alloc(size), 0, size, 0)).buffer));
    if (behaviour === "lies" && !isSource) hash.update("x");
    say({ type: "volume", index, digest: hash.digest("hex") });
  }
  const bytes = job.disks.length * size;
  say({ type: "done", bytesRead: bytes, bytesSent: bytes, bytesResent: 0, durationMs: 1 });
}

repeat();
try {
  await main();
} catch (error) {
  say({ type: "failed", code: "disk-io", message: error.message });
}
await pause(1e6);
AGENT_END
