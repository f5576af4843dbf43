import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { MachineMetadata } from "../../../localcloud/machines/machine.ts";
import { startMetadataService } from "../../../localcloud/machines/metadata-service.ts";
import { macAddress, metadataTree } from "../../../localcloud/machines/metadata-tree.ts";
import { freeAddress, metadataOf } from "./booted.ts";

const TTL = "X-aws-ec2-metadata-token-ttl-seconds";
const TOKEN = "X-aws-ec2-metadata-token";

async function serve(t: TestContext, change: Partial<MachineMetadata> = {}) {
  const address = freeAddress();
  const state: { metadata: MachineMetadata } = { metadata: { ...metadataOf(address), ...change } };
  const fixtures = {
    userData: Buffer.from([0x1f, 0x8b, 0, 255]),
    deviceNames: ["/dev/xvda", "/dev/sdf"],
    launchedAt: "2026-11-23T10:00:00Z",
  };
  const service = await startMetadataService(address, () => metadataTree(state.metadata, fixtures));
  t.after(() => service.close());
  const put = (headers: Record<string, string>, path = "/latest/api/token") =>
    fetch(service.endpoint + path, { method: "PUT", headers });
  const token = await (await put({ [TTL]: "60" })).text();
  const get = async (path: string): Promise<string> => {
    const response = await fetch(service.endpoint + path, { headers: { [TOKEN]: token } });
    const body = await response.text();
    return response.status === 200 ? body : String(response.status);
  };
  return { service, address, state, put, get, token };
}

test("without a token, with a false one or an expired one, nothing is told", async (t) => {
  const { service, token } = await serve(t);
  const path = `${service.endpoint}/latest/meta-data/instance-id`;
  const forged = `${Buffer.from(String(Date.now() + 60_000)).toString("base64url")}.AAAA`;
  for (const headers of [{}, { [TOKEN]: "x" }, { [TOKEN]: forged }]) {
    assert.equal((await fetch(path, { headers })).status, 401);
  }
  assert.equal((await fetch(path, { headers: { [TOKEN]: token } })).status, 200);
  t.mock.timers.enable({ apis: ["Date"], now: Date.now() + 61_000 });
  assert.equal((await fetch(path, { headers: { [TOKEN]: token } })).status, 401);
});

test("a token is given for one second to six hours, and not through a proxy", async (t) => {
  const { put } = await serve(t);
  for (const seconds of ["1", "21600"]) {
    const response = await put({ [TTL]: seconds });
    assert.equal(response.status, 200);
    assert.equal(response.headers.get(TTL), seconds);
  }
  for (const seconds of ["0", "21601", "x", "-1", "1e3"]) {
    assert.equal((await put({ [TTL]: seconds })).status, 400, seconds);
  }
  assert.equal((await put({})).status, 400);
  assert.equal((await put({ [TTL]: "60", "X-Forwarded-For": "10.0.0.1" })).status, 403);
  assert.equal((await put({ [TTL]: "60" }, "/latest/meta-data/")).status, 404);
});

test("the values that a helper needs are there, under any version", async (t) => {
  const { get, address } = await serve(t);
  assert.equal(await get("/latest/meta-data/instance-id"), "i-0123456789abcdef0");
  assert.equal(await get("/2021-03-23/meta-data/ami-id"), "ami-0123456789abcdef0");
  assert.equal(await get("/latest/meta-data/instance-type"), "c7g.large");
  assert.equal(await get("/latest/meta-data/local-ipv4"), address);
  assert.equal(await get("/latest/meta-data/public-ipv4"), address);
  assert.equal(await get("/latest/meta-data/placement/region"), "us-gov-west-1");
  assert.equal(await get("/latest/meta-data/placement/availability-zone"), "us-gov-west-1a");
  assert.equal(await get("/latest/meta-data/services/partition"), "aws-us-gov");
  const mac = macAddress(address);
  assert.equal(await get("/latest/meta-data/mac"), mac);
  assert.equal(await get(`/latest/meta-data/network/interfaces/macs/${mac}/mac`), mac);
  assert.equal(await get("/latest/meta-data/block-device-mapping/ebs1"), "sdf");
  const document = JSON.parse(await get("/latest/dynamic/instance-identity/document"));
  assert.equal(document.region, "us-gov-west-1");
  assert.equal(document.privateIp, address);
  assert.equal(await get("/latest/meta-data/nothing"), "404");
  assert.equal(await get("/latest/meta-data/instance-id/below"), "404");
  assert.equal(await get("/newest/meta-data/instance-id"), "404");
});

test("directories are listed with a slash after each directory in them", async (t) => {
  const { get } = await serve(t);
  assert.equal(await get("/latest/"), "dynamic\nmeta-data\nuser-data");
  assert.equal(await get("/latest/meta-data/placement"), "availability-zone\nregion");
  const names = (await get("/latest/meta-data/")).split("\n");
  for (const name of ["ami-id", "network/", "placement/", "tags/"]) assert.ok(names.includes(name));
  assert.equal(await get("/latest/meta-data/tags/"), "instance/");
});

test("tags are found raw or encoded, as they are now", async (t) => {
  const { get, state } = await serve(t);
  const tags = "/latest/meta-data/tags/instance";
  assert.equal(await get(`${tags}/amicopy:run`), "0123456789abcdef");
  assert.equal(await get(`${tags}/amicopy%3Arun`), "0123456789abcdef");
  assert.equal(await get(`${tags}/amicopy:ack`), "404");
  state.metadata = {
    ...state.metadata,
    tags: { "amicopy:ack": "3", "50%": "half", constructor: "c", "+=.,_@": "all" },
  };
  assert.equal(await get(`${tags}/amicopy:ack`), "3");
  assert.equal(await get(`${tags}/50%`), "half");
  assert.equal(await get(`${tags}/constructor`), "c");
  assert.equal(await get(`${tags}/toString`), "404");
  assert.equal(await get(`${tags}/+=.,_@`), "all");
  assert.equal(await get(tags), "amicopy:ack\n50%\nconstructor\n+=.,_@");
});

test("an instance without InstanceMetadataTags or public address does not have them", async (t) => {
  const { get, state } = await serve(t);
  const { tags: _tags, publicIpv4: _address, ...rest } = state.metadata;
  state.metadata = rest;
  assert.equal(await get("/latest/meta-data/tags/instance"), "404");
  assert.equal(await get("/latest/meta-data/public-ipv4"), "404");
});

test("user data is given back byte by byte", async (t) => {
  const { service, token } = await serve(t);
  const headers = { [TOKEN]: token };
  const response = await fetch(`${service.endpoint}/latest/user-data`, { headers });
  assert.deepEqual(Buffer.from(await response.arrayBuffer()), Buffer.from([0x1f, 0x8b, 0, 255]));
});

test("a metadata source that fails is an answer, not the end of the cloud", async (t) => {
  const address = freeAddress();
  const service = await startMetadataService(address, () => {
    throw new Error("no such instance");
  });
  t.after(() => service.close());
  const headers = { [TTL]: "60" };
  const token = await fetch(`${service.endpoint}/latest/api/token`, { method: "PUT", headers });
  const path = `${service.endpoint}/latest/meta-data/`;
  const response = await fetch(path, { headers: { [TOKEN]: await token.text() } });
  assert.equal(response.status, 500);
});
