/**
 * The life of an instance: boots when its disks are there, ends when it is told to or when it shuts
 * itself down. All that takes time is chained on `instance.work`, so that a termination during the
 * boot waits for the boot and then undoes it.
 */

import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { volumesOf } from "./actions/instance-lookup.ts";
import { removeVolume } from "./actions/volumes.ts";
import { isWindows } from "./catalog/billing.ts";
import type { FirewallRule } from "./isolation/firewall.ts";
import type { MachineMetadata } from "./machines/machine.ts";
import { translateWindowsUserData } from "./machines/windows-user-data.ts";
import type { InstanceRecord } from "./records/instance.ts";
import { natGatewayOf } from "./routes.ts";
import type { Cloud, Store } from "./store.ts";

/** Where an instance lives. */
export interface Home {
  readonly cloud: Cloud;
  readonly store: Store;
}

/** What made an instance stop or end, in EC2's words. */
export const Reason = {
  user: { code: "Client.UserInitiatedShutdown", message: "User initiated shutdown" },
  itself: { code: "Client.InstanceInitiatedShutdown", message: "Instance initiated shutdown" },
  launchFailed: { code: "Client.InternalError", message: "Client error on launch" },
} as const;
export interface Reason {
  readonly code: string;
  readonly message: string;
}

/** From `pending` to `running`, in the background. */
export function bringUp(home: Home, instance: InstanceRecord): void {
  const { cloud } = home;
  const trouble = cloud.faults.launched(home, instance);
  chain(home, instance, async () => {
    try {
      const delay = cloud.wait(cloud.delays.instancePending);
      delay.catch(() => {});
      await Promise.all(volumesOf(home, instance).map((volume) => volume.ready));
      await delay;
    } catch {
      // A volume that cannot be made: its key, or the cloud is ending.
      failLaunch(home, instance);
      return;
    }
    if (!isStill(home, instance, "pending") || trouble.staysPending) return;
    if (trouble.failsToLaunch !== undefined) {
      beginEnd(home, instance, trouble.failsToLaunch);
      return;
    }
    try {
      await boot(home, instance);
    } catch (error) {
      if (!cloud.closing.aborted) console.error(`localcloud: ${instance.id}:`, error);
      failLaunch(home, instance);
      return;
    }
    if (isStill(home, instance, "pending")) instance.state.set("running", cloud.now());
    trouble.begin();
  });
}

function failLaunch(home: Home, instance: InstanceRecord): void {
  if (home.cloud.closing.aborted || !isStill(home, instance, "pending")) return;
  beginEnd(home, instance, Reason.launchFailed);
}

async function boot(home: Home, instance: InstanceRecord): Promise<void> {
  const { cloud } = home;
  const directory = join(cloud.directory, "instances", instance.id);
  await mkdir(directory, { recursive: true });
  instance.bootCount += 1;
  const spec = cloud.faults.spoil(instance.id, {
    instanceId: instance.id,
    directory,
    userData: userDataOf(instance),
    address: addressOf(home, instance),
    disks: volumesOf(home, instance).map((volume) => ({
      deviceName: volume.attachment?.device ?? "",
      path: volume.path,
    })),
    node: cloud.node,
    region: home.store.region,
    rules: () => rulesOf(home, instance),
    metadata: () => metadataOf(home, instance),
    onShutdown: () => shutItself(home, instance),
  });
  instance.machine = await cloud.machinery.bootMachine(spec);
}

/**
 * Nobody translates addresses here: a machine behind a NAT gateway lives at the gateway's address,
 * so that its peer sees it come from there, and finds nothing where it cannot be reached.
 */
function addressOf({ cloud, store }: Home, instance: InstanceRecord): string {
  const { privateAddress, subnetId } = instance.networkInterface;
  if (instance.publicAddress !== undefined) return privateAddress;
  const subnet = store.subnets.get(subnetId);
  const gateway = subnet && natGatewayOf(store, subnet, cloud.now());
  return gateway?.publicAddress ?? privateAddress;
}

/** A script runs on the first boot only, and is not found without a metadata service. */
function userDataOf(instance: InstanceRecord): Buffer {
  const { billing, bootCount, metadataOptions, userData } = instance;
  if (bootCount !== 1 || metadataOptions.httpEndpoint === "disabled") return Buffer.alloc(0);
  return isWindows(billing) ? translateWindowsUserData(userData) : userData;
}

function metadataOf(home: Home, instance: InstanceRecord): MachineMetadata {
  const { cloud, store } = home;
  const groups = instance.networkInterface.groupIds.map((id) => store.groups.get(id)?.name ?? id);
  return {
    instanceId: instance.id,
    imageId: instance.imageId,
    instanceType: instance.type.name,
    region: store.region.name,
    availabilityZone: instance.zone.name,
    localIpv4: addressOf(home, instance),
    ...(instance.publicAddress === undefined ? {} : { publicIpv4: instance.publicAddress }),
    securityGroups: groups,
    ...(instance.metadataOptions.instanceMetadataTags === "enabled"
      ? { tags: Object.fromEntries(cloud.faults.tagsOf(instance, cloud.now())) }
      : {}),
  };
}

/**
 * The rules of all its groups; a reference to a group means the addresses of who is in it. Those of
 * the terminated are free, and may be somebody else's.
 */
function rulesOf(home: Home, instance: InstanceRecord): FirewallRule[] {
  const { store } = home;
  const members = (groupId: string): string[] =>
    [...store.instances.values()]
      .filter((one) => !isStill(home, one, "terminated"))
      .filter(({ networkInterface }) => networkInterface.groupIds.includes(groupId))
      .map(({ networkInterface }) => networkInterface.privateAddress);
  return instance.networkInterface.groupIds
    .flatMap((id) => store.groups.get(id)?.rules ?? [])
    .map(({ egress, protocol, fromPort, toPort, cidrIpv4, groupId }) => ({
      ...{ egress, protocol, fromPort, toPort },
      cidrs: cidrIpv4 !== undefined ? [cidrIpv4] : groupId === undefined ? [] : members(groupId),
    }));
}

/** The machine has ended by itself: what that means was said at launch. */
export function shutItself(home: Home, instance: InstanceRecord): void {
  if (!isStill(home, instance, "running") && !isStill(home, instance, "pending")) return;
  if (instance.shutdownBehavior === "terminate") beginEnd(home, instance, Reason.itself);
  else beginStop(home, instance, Reason.itself);
}

/** `shutting-down` at once; `terminated` when the machine and what dies with it are gone. */
export function beginEnd(home: Home, instance: InstanceRecord, reason: Reason): void {
  const { cloud, store } = home;
  instance.state.set("shutting-down", cloud.now());
  explain(instance, reason, cloud.now());
  chain(home, instance, async () => {
    await endMachine(instance, cloud.now());
    await cloud.wait(cloud.delays.instanceStopping);
    for (const volume of volumesOf(home, instance)) {
      if (volume.attachment?.deleteOnTermination) {
        await removeVolume(store, volume);
      } else {
        volume.attachment = undefined;
        volume.state.set("available", cloud.now());
      }
    }
    cloud.addresses.free(instance.networkInterface.privateAddress);
    await rm(join(cloud.directory, "instances", instance.id), { recursive: true, force: true });
    instance.state.set("terminated", cloud.now());
  });
}

export function beginStop(home: Home, instance: InstanceRecord, reason: Reason): void {
  const { cloud } = home;
  instance.state.set("stopping", cloud.now());
  explain(instance, reason, cloud.now());
  chain(home, instance, async () => {
    await endMachine(instance, cloud.now());
    await cloud.wait(cloud.delays.instanceStopping);
    if (isStill(home, instance, "stopping")) instance.state.set("stopped", cloud.now());
  });
}

/**
 * Does something while the machine is down, and brings it up again: what CreateImage does to a
 * running instance. It is `running` all the time, as seen from outside.
 *
 * @throws what the work throws; the machine is up again by then.
 */
export async function betweenBoots(
  home: Home,
  instance: InstanceRecord,
  work: () => Promise<void>,
): Promise<void> {
  const done = Promise.withResolvers<void>();
  chain(home, instance, async () => {
    if (isStill(home, instance, "running")) await endMachine(instance, home.cloud.now());
    await work().then(done.resolve, done.reject);
    if (!isStill(home, instance, "running") || home.cloud.closing.aborted) return;
    await boot(home, instance);
  });
  await done.promise;
}

async function endMachine(instance: InstanceRecord, nowMs: number): Promise<void> {
  const { machine } = instance;
  if (machine === undefined) return;
  await machine.stop();
  instance.postedConsole = { text: machine.consoleText, at: new Date(nowMs) };
  instance.machine = undefined;
}

function explain(instance: InstanceRecord, reason: Reason, nowMs: number): void {
  instance.stateReason = { code: reason.code, message: `${reason.code}: ${reason.message}` };
  const time = new Date(nowMs).toISOString().slice(0, 19).replace("T", " ");
  instance.transitionReason = reason === Reason.user ? `User initiated (${time} GMT)` : "";
}

function isStill(home: Home, instance: InstanceRecord, state: string): boolean {
  return instance.state.at(home.cloud.now()) === state;
}

function chain(home: Home, instance: InstanceRecord, work: () => Promise<void>): void {
  instance.work = instance.work.catch(() => {}).then(work);
  home.cloud.inBackground(instance.work);
}
