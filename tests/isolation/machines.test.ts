/** Isolated machines by themselves: what reaches whom, what each sees, what is left of them. */

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, suite, test } from "node:test";
import {
  AuthorizeSecurityGroupIngressCommand,
  CreateSecurityGroupCommand,
  EC2Client,
  type Instance,
  type IpPermission,
  RevokeSecurityGroupEgressCommand,
  RevokeSecurityGroupIngressCommand,
  TerminateInstancesCommand,
} from "@aws-sdk/client-ec2";
import { fromIni } from "@aws-sdk/credential-providers";
import { type Localcloud, startLocalcloud } from "../../localcloud/localcloud.ts";
import { instanceState, launch } from "../localcloud/conformance-cloud.ts";
import { makePrivateNetwork } from "../localcloud/private-network.ts";
import {
  areInhabited,
  consoleOf,
  eventually,
  holdNamespacesOf,
  obstacle,
  processesOf,
} from "./isolated-cloud.ts";

/** Answers at TCP and UDP 7000, listens at TCP 7001 too, and says who came. */
const SERVER = `
for (const port of [7000, 7001]) {
  require("node:net").createServer((socket) => {
    console.log("CAME " + port + " " + socket.remoteAddress);
    socket.end("hello");
    socket.on("error", () => {});
  }).listen(port);
}
const udp = require("node:dgram").createSocket("udp4");
udp.on("message", (text, from) => udp.send(text, from.port, from.address)).bind(7000);`;

/** Tries all three again and again, and says each time what it found: \`FOUND tcp-7000 open 12\`. */
const PROBE = `
const net = require("node:net"), dgram = require("node:dgram");
const wait = (begin) => new Promise((resolve) => {
  const timer = setTimeout(() => end("shut"), 600);
  const end = begin((found) => { clearTimeout(timer); resolve(found); });
});
const tcp = (port) => wait((done) => {
  const socket = net.connect(port, HOST);
  const end = (found) => { socket.destroy(); done(found); };
  socket.on("data", () => end("open")).on("error", () => end("shut"));
  return end;
});
const udp = (port) => wait((done) => {
  const socket = dgram.createSocket("udp4");
  const end = (found) => { socket.close(); done(found); };
  socket.on("message", () => end("open")).on("error", () => {});
  socket.send("ping", port, HOST);
  return end;
});
(async () => {
  for (let round = 1; ; round++) {
    const found = await Promise.all([tcp(7000), tcp(7001), udp(7000)]);
    ["tcp-7000", "tcp-7001", "udp-7000"].forEach((name, i) =>
      console.log("FOUND " + name + " " + found[i] + " " + round));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
})();`;

/** What a machine has around it. */
const LOOK = `
echo "TMP [$(ls /tmp | tr '\\n' ' ')]"
echo "MACHINES [$(ls "$LOCALCLOUD_MACHINE/.." | tr '\\n' ' ')]"
echo "CLOUD [$(ls "$LOCALCLOUD_MACHINE/../.." | tr '\\n' ' ')]"
echo "DISK $(head -c 3 /dev/sdf | od -An -tx1)"
echo "PROGRAM $(printf 'abc' | dd of=/dev/sdf conv=notrunc status=none && head -c 3 /dev/sdf)"
echo "PLACES [$AWS_EC2_METADATA_SERVICE_ENDPOINT$HOST_DEV$TMPDIR]"`;

const METADATA = `
const token = await (await fetch("http://169.254.169.254/latest/api/token", {
  method: "PUT", headers: { "x-aws-ec2-metadata-token-ttl-seconds": "60" } })).text();
const headers = { "x-aws-ec2-metadata-token": token };
const path = "http://169.254.169.254/latest/meta-data/";
console.log("ID " + await (await fetch(path + "instance-id", { headers })).text());`;

const shell = (...parts: string[]): string =>
  Buffer.from(`#!/bin/sh\n${parts.join("\n")}\n`).toString("base64");
const node = (program: string): string => `node -e '${program}'`;

suite("isolated machines", { timeout: 180_000, skip: obstacle }, () => {
  let directory: string;
  let cloud: Localcloud;
  let virginia: EC2Client;
  let gov: EC2Client;

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "amicopy-isolation-"));
    const delays = { instancePending: 5, instanceStopping: 5, volumeCreating: 5 };
    const link = { roundTripMs: 40, lossPercent: 0 };
    cloud = await startLocalcloud({ isolation: "namespaces", directory, delays, link });
    virginia = client("aws-1", "us-east-1");
    gov = client("aws-us-gov-1", "us-gov-west-1");
  });
  after(async () => {
    for (const one of [virginia, gov]) one?.destroy();
    await cloud?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  function client(profile: string, region: string): EC2Client {
    const { AWS_CONFIG_FILE = "", AWS_SHARED_CREDENTIALS_FILE = "" } = cloud.env;
    const files = { configFilepath: AWS_CONFIG_FILE, filepath: AWS_SHARED_CREDENTIALS_FILE };
    const credentials = fromIni({ profile, ...files, ignoreCache: true });
    return new EC2Client({ region, endpoint: cloud.endpoint, credentials });
  }

  async function newGroup(ec2: EC2Client, name: string): Promise<string> {
    const request = { GroupName: name, Description: "of a test" };
    const { GroupId = "" } = await ec2.send(new CreateSecurityGroupCommand(request));
    return GroupId;
  }

  async function boot(ec2: EC2Client, groupId: string, userData: string): Promise<Instance> {
    const { InstanceId: id = "" } = await launch(ec2, {
      SecurityGroupIds: [groupId],
      UserData: userData,
      BlockDeviceMappings: [{ DeviceName: "/dev/sdf", Ebs: { VolumeSize: 1 } }],
    });
    await eventually(`${id} runs`, async () => {
      const [state] = await Promise.allSettled([instanceState(ec2, id, "running")]);
      return state.status === "fulfilled";
    });
    return instanceState(ec2, id, "running");
  }

  /** What a probe found in a round that began after now. */
  async function finds(ec2: EC2Client, probe: Instance, expected: Record<string, string>) {
    const rounds = async (name: string) => {
      const text = await consoleOf(ec2, probe.InstanceId ?? "");
      return [...text.matchAll(new RegExp(`FOUND ${name} (open|shut) (\\d+)`, "g"))];
    };
    for (const [name, wanted] of Object.entries(expected)) {
      const before = Number((await rounds(name)).at(-1)?.[2] ?? 0);
      await eventually(`${name} is ${wanted}`, async () => {
        const [, found, round] = (await rounds(name)).at(-1) ?? [];
        return found === wanted && Number(round) >= before + 2;
      });
    }
  }

  test("each sees its own disks at /dev, an empty /tmp, EC2's metadata address, and no other", async () => {
    const group = await newGroup(virginia, "look");
    const other = await boot(virginia, group, shell("echo here"));
    const { InstanceId: id = "" } = await boot(
      virginia,
      group,
      shell(LOOK, `cat > look.mjs <<'EOF'\n${METADATA}\nEOF\nnode look.mjs`),
    );
    await eventually("its metadata", async () => (await consoleOf(virginia, id)).includes("ID i-"));
    const text = await consoleOf(virginia, id);
    assert.match(text, /DISK {2}00 00 00/);
    assert.match(text, /PROGRAM abc/);
    assert.match(text, /PLACES \[\]/);
    assert.ok(text.includes(`ID ${id}`), text);
    assert.ok(text.includes(`MACHINES [${id} ]`), text);
    assert.match(text, /CLOUD \[instances \]/);
    // The way to what it was started with may lead through /tmp; nothing else is in there.
    const [, listed = ""] = /TMP \[([^\]]*)\]/.exec(text) ?? [];
    const ways = [directory, process.execPath, import.meta.dirname].map((path) => path.split("/"));
    const known = ways.map(([, first, second]) => (first === "tmp" ? second : ""));
    for (const name of listed.split(" ")) assert.ok(known.includes(name), `${name} in /tmp`);
    assert.ok(!text.includes(other.InstanceId ?? "-"));
  });

  test("what the groups do not admit does not arrive; what they admit does, until it is revoked", async () => {
    const [inside, near, away] = [
      await newGroup(virginia, "server"),
      await newGroup(virginia, "near"),
      await newGroup(gov, "away"),
    ];
    const server = await boot(virginia, inside, shell(node(SERVER)));
    const probe = shell(node(PROBE.replaceAll("HOST", `"${server.PrivateIpAddress}"`)));
    const [neighbour, stranger] = await Promise.all([
      boot(virginia, near, probe),
      boot(gov, away, probe),
    ]);
    const shut = { "tcp-7000": "shut", "tcp-7001": "shut", "udp-7000": "shut" };
    await Promise.all([finds(virginia, neighbour, shut), finds(gov, stranger, shut)]);

    const fromAway: IpPermission = {
      IpProtocol: "tcp",
      ...{ FromPort: 7000, ToPort: 7000 },
      IpRanges: [{ CidrIp: `${stranger.PrivateIpAddress}/32` }],
    };
    const fromNear: IpPermission = {
      IpProtocol: "udp",
      ...{ FromPort: 7000, ToPort: 7000 },
      UserIdGroupPairs: [{ GroupId: near }],
    };
    const rules = { GroupId: inside, IpPermissions: [fromAway, fromNear] };
    await virginia.send(new AuthorizeSecurityGroupIngressCommand(rules));
    await Promise.all([
      finds(gov, stranger, { ...shut, "tcp-7000": "open" }),
      finds(virginia, neighbour, { ...shut, "udp-7000": "open" }),
    ]);

    const revoked = { GroupId: inside, IpPermissions: [fromAway] };
    await virginia.send(new RevokeSecurityGroupIngressCommand(revoked));
    const everything = { GroupId: near, IpPermissions: [EVERYTHING] };
    await virginia.send(new RevokeSecurityGroupEgressCommand(everything));
    await Promise.all([finds(gov, stranger, shut), finds(virginia, neighbour, shut)]);

    const came = await consoleOf(virginia, server.InstanceId ?? "");
    assert.doesNotMatch(came, /CAME 7001/);
    assert.match(came, /CAME 7000/);
    const who = new Set(
      [...came.matchAll(/CAME \d+ ::ffff:([\d.]+)/g)].map(([, address]) => address),
    );
    assert.deepEqual([...who], [stranger.PrivateIpAddress]);
  });

  test("a cut between the regions lets nothing through, neighbours go on, and it can be mended", async () => {
    const [here, there] = [await newGroup(virginia, "cut"), await newGroup(gov, "cut")];
    const anyone = { IpProtocol: "-1", IpRanges: [{ CidrIp: "0.0.0.0/0" }] };
    const open = { GroupId: here, IpPermissions: [anyone] };
    await virginia.send(new AuthorizeSecurityGroupIngressCommand(open));
    const server = await boot(virginia, here, shell(node(SERVER)));
    const probe = shell(node(PROBE.replaceAll("HOST", `"${server.PrivateIpAddress}"`)));
    const [neighbour, stranger] = await Promise.all([
      boot(virginia, here, probe),
      boot(gov, there, probe),
    ]);
    const all = (found: string) => ({ "tcp-7000": found, "tcp-7001": found, "udp-7000": found });
    await Promise.all([finds(gov, stranger, all("open")), finds(virginia, neighbour, all("open"))]);
    await cloud.network?.cutRegions();
    await Promise.all([finds(gov, stranger, all("shut")), finds(virginia, neighbour, all("open"))]);
    await cloud.network?.joinRegions();
    await finds(gov, stranger, all("open"));

    // The same as a fault, on the word of a machine: for a time, and until there is another plan.
    const network = { fault: "network", when: { console: "CUT NOW" } } as const;
    await cloud.setFaults({ faults: [{ ...network, forMs: 8000 }] });
    await boot(virginia, here, shell("echo CUT NOW"));
    await finds(gov, stranger, all("shut"));
    await finds(gov, stranger, all("open"));
    await cloud.setFaults({ faults: [network] });
    await boot(virginia, here, shell("echo CUT NOW"));
    await Promise.all([finds(gov, stranger, all("shut")), finds(virginia, neighbour, all("open"))]);
    await cloud.setFaults({ faults: [] });
    await finds(gov, stranger, all("open"));
    const what = cloud.firedFaults.map((fired) => fired.what);
    assert.deepEqual(what, ["cut for 8000 ms", "cut for good"]);
  });

  test("a second machine behind a NAT gateway does not start, and the first keeps its cable", async () => {
    const { natAddress, privateSubnetId } = await makePrivateNetwork(gov, "us-gov-west-1b");
    const group = await newGroup(gov, "called from behind a gateway");
    const fromGateway = { IpProtocol: "-1", IpRanges: [{ CidrIp: `${natAddress}/32` }] };
    const rules = { GroupId: group, IpPermissions: [fromGateway] };
    await gov.send(new AuthorizeSecurityGroupIngressCommand(rules));
    const server = await boot(gov, group, shell(node(SERVER)));
    const UserData = shell(node(PROBE.replaceAll("HOST", `"${server.PrivateIpAddress}"`)));
    const first = await launch(gov, { SubnetId: privateSubnetId, UserData });
    const open = { "tcp-7000": "open", "udp-7000": "open" };
    await finds(gov, first, open);
    const { InstanceId: id = "" } = await launch(gov, { SubnetId: privateSubnetId });
    const { StateReason: reason } = await instanceState(gov, id, "terminated");
    assert.equal(reason?.Code, "Client.InternalError");
    await finds(gov, first, open);
    await gov.send(new TerminateInstancesCommand({ InstanceIds: [first.InstanceId ?? ""] }));
    await instanceState(gov, first.InstanceId ?? "", "terminated");
    const next = await launch(gov, { SubnetId: privateSubnetId, UserData });
    await finds(gov, next, open);
  });

  test("of all of it nothing is left: no process, no namespace, no folder", async () => {
    using namespaces = holdNamespacesOf(basename(directory));
    const { size } = namespaces.names;
    assert.ok(size > 10, `${size} namespaces`);
    assert.ok(areInhabited(namespaces));
    await cloud.close();
    assert.deepEqual(processesOf(basename(directory)), []);
    assert.ok(!areInhabited(namespaces));
    assert.ok(!existsSync(join(directory, "instances")));
  });
});

const EVERYTHING: IpPermission = { IpProtocol: "-1", IpRanges: [{ CidrIp: "0.0.0.0/0" }] };
