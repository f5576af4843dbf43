/**
 * Needs: two helpers that boot.  Makes: two helpers that know each other and can reach nobody else.
 * Undoes: nothing; the rules go with their groups.
 *
 * Each helper prints the public half of a key it has made; each is told the other's. Who cannot read
 * the console and write the tags and groups through the AWS API cannot join.
 */

import { encodePeer, Tag, TRANSFER_PORT } from "../../agent/contract.ts";
import type { Rule } from "../ec2/network.ts";
import { CopyError, isCopyError } from "./copy-error.ts";
import type { HelperConsole } from "./helper-console.ts";
import { both, cloudOf, type Run } from "./run.ts";
import { waitUntil } from "./wait-until.ts";

const STEP = "introduce";

/** A group's egress as EC2 makes it: everything, also by IPv6 where the VPC has it. */
const EGRESS_DEFAULT: readonly Rule[] = [
  { protocol: "-1", cidr: "0.0.0.0/0" },
  { protocol: "-1", cidr: "::/0" },
];
/** What a boot may need: packages and archives come by HTTPS; DNS and NTP of the VPC are not filtered. */
const EGRESS_BOOT: readonly Rule[] = [{ protocol: "tcp", port: 443, cidr: "0.0.0.0/0" }];

const SSH_PORT = 22;

/** Before launch: nothing in (but SSH from the one address that was asked for), HTTPS out. */
export async function closeForBoot(run: Run, side: "source" | "destination", groupId: string) {
  const cloud = cloudOf(run, side);
  await cloud.allow(groupId, "egress", EGRESS_BOOT);
  await cloud.revoke(groupId, "egress", EGRESS_DEFAULT);
  const { debug } = run.request.helper[side];
  if (debug === undefined) return;
  await cloud.allow(groupId, "ingress", [
    { protocol: "tcp", port: SSH_PORT, cidr: `${debug.sshFrom}/32` },
  ]);
}

/** Waits for both keys, opens the one way between the two, tells each about the other. */
export async function introduce(
  run: Run,
  source: HelperConsole,
  destination: HelperConsole,
): Promise<void> {
  const [sourceKey, destinationKey] = await both(
    waitForHello(run, source),
    waitForHello(run, destination),
  );
  await both(openTo(run, source, destination), openTo(run, destination, source));
  await both(
    tellPeer(run, source, destination, destinationKey),
    tellPeer(run, destination, source, sourceKey),
  );
  for (const { helper } of [source, destination]) run.report(helper.side, "introduced");
}

async function waitForHello(run: Run, console: HelperConsole): Promise<string> {
  try {
    return await lookForHello(run, console);
  } catch (error) {
    if (!isCopyError(error, "timed-out")) throw error;
    const { code, step, ids } = error;
    const message = `${error.message}${console.tail()}`;
    const hint = `Does it have a way to the internet? See helper.${console.helper.side}.`;
    throw new CopyError(message, { code, step, ids, hint, cause: error });
  }
}

async function lookForHello(run: Run, console: HelperConsole): Promise<string> {
  return waitUntil(
    run,
    {
      step: STEP,
      what: `the ${console.name} to say hello on its console`,
      limitMs: run.limits.helloMs,
      ids: [console.helper.instance.instanceId],
    },
    async () => {
      await console.listen(run.clock.now());
      if (console.hello !== undefined) {
        run.report(console.helper.side, "waiting for the other helper");
        return console.hello.publicKey;
      }
      await console.check();
      return undefined;
    },
  );
}

/** From here on this helper reaches the other one's port or is reached by it, and nothing else. */
async function openTo(run: Run, own: HelperConsole, other: HelperConsole): Promise<void> {
  const { side, groupId, listens } = own.helper;
  const cloud = cloudOf(run, side);
  const cidr = `${other.helper.address}/32`;
  const rules: Rule[] = [
    { protocol: "tcp", port: TRANSFER_PORT, cidr },
    { protocol: "udp", port: TRANSFER_PORT, cidr },
  ];
  await cloud.allow(groupId, listens ? "ingress" : "egress", rules);
  await cloud.revoke(groupId, "egress", EGRESS_BOOT);
}

async function tellPeer(
  run: Run,
  own: HelperConsole,
  other: HelperConsole,
  publicKey: string,
): Promise<void> {
  const { side, instance } = own.helper;
  const peer = encodePeer({ publicKey, address: other.helper.address, port: TRANSFER_PORT });
  await cloudOf(run, side).setTags([instance.instanceId], { [Tag.peer]: peer });
}
