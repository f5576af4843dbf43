/**
 * A whole copy by the real engine, with nothing between the helpers but what their own groups admit,
 * over the long lossy link, and the metadata service where EC2 has it.
 */

import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { TerminateInstancesCommand } from "@aws-sdk/client-ec2";
import { TRANSFER_PORT } from "../../agent/contract.ts";
import { destination, openScene, type Scene, source } from "../e2e/scene.ts";
import { launch } from "../localcloud/conformance-cloud.ts";
import { consoleOf, eventually, obstacle } from "./isolated-cloud.ts";

/** Tries the helpers' port at the first addresses of its own subnet, by TCP and UDP, again and again. */
const SCANNER = `#!/bin/sh
exec node -e '
const net = require("node:net"), dgram = require("node:dgram");
const own = require("node:os").networkInterfaces().eth0[0].address;
const neighbours = [4, 5, 6, 7].map((host) => own.replace(/\\d+$/, host)).filter((one) => one !== own);
const udp = dgram.createSocket("udp4").on("message", (text, from) => console.log("REACHED " + from.address));
let round = 0;
setInterval(() => {
  console.log("ROUND " + ++round);
  for (const address of neighbours) {
    udp.send(Buffer.alloc(64), ${TRANSFER_PORT}, address, () => {});
    const socket = net.connect(${TRANSFER_PORT}, address, () => console.log("REACHED " + address));
    socket.on("error", (error) => error.code === "ECONNREFUSED" && console.log("REACHED " + address));
    setTimeout(() => socket.destroy(), 2000);
  }
}, 500);
'
`;

suite("a copy between isolated helpers", { timeout: 240_000, skip: obstacle }, () => {
  let scene: Scene;

  before(async () => {
    scene = await openScene({ isolation: "namespaces" });
  });
  after(() => scene?.close());

  test("up copies every byte over 100 ms and 1 % loss, and a neighbour reaches no helper", async () => {
    const from = await scene.importImage("golden", 2);
    const gov = scene.client("aws-us-gov-1", "us-gov-west-1");
    const UserData = Buffer.from(SCANNER).toString("base64");
    const { InstanceId: scanner = "" } = await launch(gov, { UserData });
    const rounds = async () => (await consoleOf(gov, scanner)).match(/ROUND/g)?.length ?? 0;
    await eventually("the neighbour scans", async () => (await rounds()) > 0);
    const stack = await scene.newStack();
    stack.declare({ golden: { sourceAmiId: from.imageId, source, destination } });
    const up = await stack.up();
    assert.equal(up.code, 0, up.output);
    const { regions } = await scene.cloud.list();
    const ended = regions.find(({ region }) => region === "us-gov-west-1")?.things ?? [];
    const helper = ended.find(({ kind, id }) => kind === "instance" && id !== scanner);
    assert.match(String(helper?.details.address), /\.[4-7]$/, "it was among those scanned");
    assert.ok((await rounds()) > 3);
    assert.doesNotMatch(await consoleOf(gov, scanner), /REACHED/);
    await gov.send(new TerminateInstancesCommand({ InstanceIds: [scanner] }));
    await eventually("the neighbour has ended", async () =>
      (await scene.inventory()).every((line) => !line.includes(scanner)),
    );
    const image = await stack.image("golden");
    await scene.assertEqualBytes(image, from);
    await scene.assertOnlyLeft(image);
    const destroy = await stack.destroy();
    assert.equal(destroy.code, 0, destroy.output);
    await scene.assertOnlyLeft();
  });
});

suite("the search for secrets", { timeout: 120_000, skip: obstacle }, () => {
  test("finds what is planted with an isolated machine", async () => {
    const scene = await openScene({ isolation: "namespaces" });
    const planted = scene.cloud.env.DESTINATION_AWS_SECRET_ACCESS_KEY ?? "";
    const gov = scene.client("aws-us-gov-1", "us-gov-west-1");
    const script = `#!/bin/sh\nP='${planted}' sh -c 'echo $P; while :; do sleep 0.2; done' x '${planted}'\n`;
    const { InstanceId: id = "" } = await launch(gov, {
      UserData: Buffer.from(script).toString("base64"),
    });
    await eventually("it says it", async () => (await consoleOf(gov, id)).includes(planted));
    await assert.rejects(scene.close(), ({ actual }: assert.AssertionError) => {
      for (const place of ["user data of", "console of", "arguments of", "environment of"]) {
        assert.match(String(actual), new RegExp(`the secret key of aws-us-gov-1 in ${place}`));
      }
      return true;
    });
  });
});
