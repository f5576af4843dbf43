/** The record of an instance that a launch makes, with its volumes, its interface and its address. */

import { randomBytes } from "node:crypto";
import type { RunInstancesRequest } from "@aws-sdk/client-ec2";
import type { Call } from "../call.ts";
import { newId } from "../ids.ts";
import { ApiError } from "../protocol/api-error.ts";
import type { InstanceRecord } from "../records/instance.ts";
import { State } from "../states.ts";
import { makeVolume } from "../volume-making.ts";
import { bootsByUefi, EMPTY_VARIABLE_STORE } from "./instance-uefi.ts";
import type { LaunchNetwork } from "./launch-network.ts";
import type { Launch } from "./launch-plan.ts";

export function makeInstance(
  call: Call,
  launch: Launch,
  one: {
    readonly input: RunInstancesRequest;
    readonly reservationId: string;
    readonly launchIndex: number;
  },
): InstanceRecord {
  const { input } = one;
  const { image, type, network } = launch;
  const { zone } = network.subnet;
  const address = takeAddress(call, network);
  const instance: InstanceRecord = {
    id: newId("i"),
    tags: launch.tagsFor("instance"),
    reservationId: one.reservationId,
    launchIndex: one.launchIndex,
    imageId: image.id,
    imageArchitecture: image.architecture,
    imageRootDeviceName: image.rootDeviceName,
    imageBootMode: image.bootMode,
    imageFacts: {
      enaSupport: image.enaSupport,
      imdsSupport: image.imdsSupport,
      sriovNetSupport: image.sriovNetSupport,
      tpmSupport: image.tpmSupport,
      watermarks: image.watermarks,
    },
    uefiData: bootsByUefi(image, type) ? (image.uefiData ?? EMPTY_VARIABLE_STORE) : undefined,
    billing: image.billing,
    keyName: input.KeyName,
    type,
    zone,
    launchedAt: call.now,
    clientToken: input.ClientToken ?? "",
    publicAddress: network.publicAddress ? address : undefined,
    metadataOptions: launch.metadataOptions,
    ebsOptimized: input.EbsOptimized ?? false,
    userData: launch.userData,
    shutdownBehavior: launch.shutdownBehavior,
    terminationProtected: input.DisableApiTermination ?? false,
    networkInterface: {
      id: newId("eni"),
      tags: launch.tagsFor("network-interface"),
      subnetId: network.subnet.id,
      privateAddress: address,
      macAddress: `02:${(randomBytes(5).toString("hex").match(/../g) ?? []).join(":")}`,
      description: network.description,
      deleteOnTermination: network.deleteOnTermination,
      attachmentId: newId("eni-attach"),
      groupIds: network.groupIds,
    },
    state: new State("pending", call.nowMs),
    stateReason: undefined,
    transitionReason: "",
    machine: undefined,
    bootCount: 0,
    postedConsole: undefined,
    work: Promise.resolve(),
  };
  for (const { deviceName, plan, deleteOnTermination } of launch.volumes) {
    const volume = makeVolume(call, plan, { zone, tags: launch.tagsFor("volume") });
    volume.attachment = {
      instanceId: instance.id,
      device: deviceName,
      attachedAt: call.now,
      state: new State("attached", call.nowMs),
      deleteOnTermination,
    };
  }
  call.store.instances.set(instance.id, instance);
  return instance;
}

function takeAddress(call: Call, network: LaunchNetwork): string {
  const { addresses } = call.cloud;
  if (network.privateAddress === undefined) {
    const { subnet } = network;
    return subnet.isDefault
      ? addresses.take(call.region, subnet.zone)
      : addresses.takeWithin(subnet.cidr);
  }
  if (!addresses.takeExactly(network.privateAddress)) {
    throw new ApiError("InvalidIPAddress.InUse", `Address ${network.privateAddress} is in use.`);
  }
  return network.privateAddress;
}
