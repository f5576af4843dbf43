/**
 * RunInstances:
 *
 *   1. a known client token: the same instances again
 *   2. image, type, user data, options, volumes, network, tags: everything checked, nothing made
 *      (launch-plan.ts)
 *   3. volumes and addresses made, instances `pending` (instance-making.ts)
 *   4. each boots in the background (instance-life.ts)
 */

import type { Reservation, RunInstancesRequest } from "@aws-sdk/client-ec2";
import { type Action, type Call, ec2Action } from "../call.ts";
import { newId } from "../ids.ts";
import { bringUp } from "../instance-life.ts";
import { ApiError, invalidValue } from "../protocol/api-error.ts";
import { describeReservation } from "./instance-description.ts";
import { makeInstance } from "./instance-making.ts";
import { planLaunch } from "./launch-plan.ts";

export const RUN_INSTANCES: Action = ec2Action<RunInstancesRequest, Reservation>(
  "RunInstances",
  [
    "BlockDeviceMappings",
    "ClientToken",
    "DisableApiTermination",
    "EbsOptimized",
    "IamInstanceProfile",
    "ImageId",
    "InstanceInitiatedShutdownBehavior",
    "InstanceType",
    "KeyName",
    "MaxCount",
    "MetadataOptions",
    "MinCount",
    "NetworkInterfaces",
    "Placement",
    "PrivateIpAddress",
    "SecurityGroupIds",
    "SecurityGroups",
    "SubnetId",
    "TagSpecifications",
    "UserData",
  ],
  runInstances,
);

/** [SDK RunInstancesRequest.ClientToken] */
const CLIENT_TOKEN_MAX_LENGTH = 64;

function runInstances(input: RunInstancesRequest, call: Call): Reservation {
  const { store } = call;
  if ((input.ClientToken?.length ?? 0) > CLIENT_TOKEN_MAX_LENGTH) {
    throw invalidValue("The client token is longer than 64 characters.");
  }
  const knownIds = store.tokens.recall("RunInstances", input.ClientToken, input);
  if (knownIds !== undefined) return repeat(call, knownIds);
  const launch = planLaunch(call, input);
  call.commit();
  launch.image.lastLaunchedAt = call.now;
  const reservationId = newId("r");
  const instances = Array.from({ length: launch.count }, (_, launchIndex) =>
    makeInstance(call, launch, { input, reservationId, launchIndex }),
  );
  store.tokens.remember(
    "RunInstances",
    input.ClientToken,
    input,
    instances.map((one) => one.id),
  );
  for (const instance of instances) bringUp({ cloud: call.cloud, store }, instance);
  return describeReservation(call, instances);
}

function repeat(call: Call, ids: readonly string[]): Reservation {
  call.endDryRun();
  const instances = ids.flatMap((id) => call.store.instances.get(id) ?? []);
  if (instances.some((one) => one.state.at(call.nowMs) === "terminated")) {
    throw new ApiError(
      "IdempotentInstanceTerminated",
      `The client token provided in this request has been used for an instance that has been terminated: ${ids.join(", ")}`,
    );
  }
  return describeReservation(call, instances);
}
