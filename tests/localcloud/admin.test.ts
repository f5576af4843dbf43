import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { AdminError, type AdminTarget, handleAdmin, type Listing } from "../../localcloud/admin.ts";
import { type AdminClient, connectAdmin } from "../../localcloud/admin-client.ts";

const TOKEN = "token-of-this-test";
const LISTING: Listing = { regions: [] };
const FIRED = { at: new Date(0), rule: 0, fault: "error", to: "RunInstances", what: "Gone" };

/** The routes in front of a cloud that only remembers what it was asked. */
async function serve(
  t: TestContext,
): Promise<{ endpoint: string; client: AdminClient; asked: unknown[] }> {
  const asked: unknown[] = [];
  const target: AdminTarget = {
    token: TOKEN,
    importImage: async (request) => {
      asked.push(request);
      if (request.region === "nowhere") throw new Error("there is no region nowhere");
      const { region } = request;
      return { imageId: "ami-1", name: "n", account: "1", region, snapshotIds: ["snap-1"] };
    },
    exportSnapshot: async (request) => {
      asked.push(request);
      return { sizeBytes: 5 };
    },
    configure: async (request) => {
      asked.push(request);
      return { account: "1", region: request.region, keyArns: {} };
    },
    list: async () => LISTING,
    setFaults: async (plan) => {
      asked.push(plan);
    },
    firedFaults: [FIRED],
  };
  const server = createServer((request, response) => void handleAdmin(request, response, target));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = connectAdmin({ AWS_ENDPOINT_URL: endpoint, AMICOPY_LOCALCLOUD_TOKEN: TOKEN });
  return { endpoint, client, asked };
}

test("a request arrives as it was made, and its answer comes back", async (t) => {
  const { client, asked } = await serve(t);
  const importRequest = {
    region: "us-east-1",
    account: "aws-2",
    name: "golden",
    architecture: "arm64",
    describe: { usageOperation: "RunInstances:0002", tags: { Name: "golden" } },
    disks: [{ deviceName: "/dev/xvda", path: "/r.raw" }],
  } as const;
  const configureRequest = { region: "us-east-1", settings: { denied: ["ec2:Run*"] } };
  const exportRequest = { region: "us-east-1", snapshotId: "snap-1", path: "/out.raw" };
  assert.equal((await client.importImage(importRequest)).imageId, "ami-1");
  assert.deepEqual(await client.exportSnapshot(exportRequest), { sizeBytes: 5 });
  assert.equal((await client.configure(configureRequest)).account, "1");
  assert.deepEqual(await client.list(), LISTING);
  await client.setFaults({ faults: [] });
  const at = FIRED.at.toISOString();
  assert.deepEqual(await client.firedFaults(), { fired: [{ ...FIRED, at }] });
  assert.deepEqual(asked, [importRequest, exportRequest, configureRequest, { faults: [] }]);
});

test("without the token nothing is done", async (t) => {
  const { endpoint, asked } = await serve(t);
  const stranger = connectAdmin({ AWS_ENDPOINT_URL: endpoint, AMICOPY_LOCALCLOUD_TOKEN: "guess" });
  await assert.rejects(stranger.list(), { status: 403 });
  const path = { region: "us-east-1", snapshotId: "snap-1", path: "/etc/x" };
  await assert.rejects(stranger.exportSnapshot(path), /AMICOPY_LOCALCLOUD_TOKEN is another one/);
  assert.equal((await fetch(`${endpoint}/localcloud/list`)).status, 403);
  assert.deepEqual(asked, []);
});

test("a failure of the cloud reaches the person in its own words", async (t) => {
  const { client } = await serve(t);
  const disks = [{ deviceName: "/dev/xvda", path: "/r.raw" }];
  await assert.rejects(client.importImage({ region: "nowhere", disks }), {
    status: 422,
    message: "there is no region nowhere",
  });
});

test("requests that are not as they should be are refused by name", async (t) => {
  const { endpoint } = await serve(t);
  const post = async (path: string, body: string) => {
    const headers = { Authorization: `Bearer ${TOKEN}` };
    const response = await fetch(`${endpoint}/localcloud/${path}`, {
      method: "POST",
      headers,
      body,
    });
    return `${response.status} ${((await response.json()) as { error: string }).error}`;
  };
  const disks = [{ deviceName: "/dev/xvda", path: "relative.raw" }];
  assert.match(await post("import-image", "{"), /^400 .*not a JSON object/);
  assert.match(await post("import-image", "{}"), /^400 .*at least one disk/);
  assert.match(await post("import-image", JSON.stringify({ disks })), /^400 region is missing/);
  assert.match(
    await post("import-image", JSON.stringify({ disks, region: "r" })),
    /^400 the path relative.raw is not absolute/,
  );
  assert.match(
    await post("import-image", JSON.stringify({ disks, region: "r", architecture: "mips" })),
    /^400 architecture is x86_64 or arm64, not mips/,
  );
  const odd = { disks: [{ deviceName: "a", path: "/a" }], region: "r", describe: { colour: 1 } };
  assert.match(await post("import-image", JSON.stringify(odd)), /^400 .*of the image: colour/);
  const rights = { region: "r", settings: { denied: ["iam:*"] } };
  assert.match(await post("configure", JSON.stringify(rights)), /^400 .*account: denied\.0/);
  assert.match(await post("export-snapshot", "{}"), /^400 region is missing/);
  assert.match(await post("export-snapshot", " ".repeat(300_000)), /^413 /);
  assert.match(await post("reboot", "{}"), /^404 localcloud has no POST/);
});

test("an environment that leads to no localcloud is explained", async (t) => {
  const { endpoint } = await serve(t);
  assert.throws(() => connectAdmin({}), /AWS_ENDPOINT_URL is not set: run `npm run localcloud/);
  assert.throws(
    () => connectAdmin({ AWS_ENDPOINT_URL: endpoint }),
    /AMICOPY_LOCALCLOUD_TOKEN is not set/,
  );
  const elsewhere = {
    AWS_ENDPOINT_URL: "https://ec2.amazonaws.com",
    AMICOPY_LOCALCLOUD_TOKEN: "t",
  };
  assert.throws(() => connectAdmin(elsewhere), /not a localcloud/);
  const gone = { AWS_ENDPOINT_URL: "http://127.0.0.1:1", AMICOPY_LOCALCLOUD_TOKEN: "t" };
  await assert.rejects(connectAdmin(gone).list(), (error: Error) => {
    assert.ok(error instanceof AdminError);
    assert.match(error.message, /127\.0\.0\.1:1 cannot be reached \(has ended\): start one/);
    return true;
  });
});
