/** DescribeInstances, DescribeInstanceStatus, TerminateInstances, StopInstances, StartInstances. */

import type {
  DescribeInstanceStatusRequest,
  DescribeInstanceStatusResult,
  DescribeInstancesRequest,
  DescribeInstancesResult,
  InstanceStateChange,
  InstanceStatus,
  StartInstancesRequest,
  StartInstancesResult,
  StopInstancesRequest,
  StopInstancesResult,
  TerminateInstancesRequest,
  TerminateInstancesResult,
} from "@aws-sdk/client-ec2";
import { type Action, type Call, ec2Action } from "../call.ts";
import { isWindows } from "../catalog/billing.ts";
import { applyFilters, type FilterTable } from "../filters.ts";
import { beginEnd, beginStop, bringUp, Reason } from "../instance-life.ts";
import { paginate } from "../paging.ts";
import { ApiError, missingParameter } from "../protocol/api-error.ts";
import type { InstanceRecord, InstanceState } from "../records/instance.ts";
import { describeReservation, describeState } from "./instance-description.ts";
import { findInstances, volumesOf } from "./instance-lookup.ts";

export const INSTANCE_ACTIONS: readonly Action[] = [
  ec2Action<DescribeInstancesRequest, DescribeInstancesResult>(
    "DescribeInstances",
    ["InstanceIds", "Filters", "NextToken", "MaxResults"],
    describeInstances,
  ),
  ec2Action<DescribeInstanceStatusRequest, DescribeInstanceStatusResult>(
    "DescribeInstanceStatus",
    ["InstanceIds", "Filters", "NextToken", "MaxResults", "IncludeAllInstances"],
    describeInstanceStatus,
  ),
  ec2Action<TerminateInstancesRequest, TerminateInstancesResult>(
    "TerminateInstances",
    ["InstanceIds"],
    terminateInstances,
  ),
  ec2Action<StopInstancesRequest, StopInstancesResult>(
    "StopInstances",
    ["InstanceIds", "Force", "SkipOsShutdown"],
    stopInstances,
  ),
  ec2Action<StartInstancesRequest, StartInstancesResult>(
    "StartInstances",
    ["InstanceIds"],
    startInstances,
  ),
];

const filters = (call: Call): FilterTable<InstanceRecord> => ({
  ...statusFilters(call),
  architecture: (one) => one.imageArchitecture,
  "block-device-mapping.delete-on-termination": (one) =>
    volumesOf(call, one).map((volume) => volume.attachment?.deleteOnTermination),
  "block-device-mapping.device-name": (one) =>
    volumesOf(call, one).map((volume) => volume.attachment?.device),
  "block-device-mapping.volume-id": (one) => volumesOf(call, one).map((volume) => volume.id),
  "client-token": (one) => one.clientToken,
  "image-id": (one) => one.imageId,
  "instance-id": (one) => one.id,
  "instance-type": (one) => one.type.name,
  "instance.group-id": (one) => one.networkInterface.groupIds,
  "instance.group-name": (one) => groupNames(call, one),
  "ip-address": (one) => one.publicAddress,
  "key-name": (one) => one.keyName,
  "launch-time": (one) => one.launchedAt,
  "metadata-options.http-tokens": (one) => one.metadataOptions.httpTokens,
  "network-interface.group-id": (one) => one.networkInterface.groupIds,
  "network-interface.network-interface-id": (one) => one.networkInterface.id,
  platform: (one) => (isWindows(one.billing) ? "windows" : undefined),
  "owner-id": () => call.account.id,
  "private-ip-address": (one) => one.networkInterface.privateAddress,
  "reservation-id": (one) => one.reservationId,
  "root-device-name": (one) => one.imageRootDeviceName,
  "state-reason-code": (one) => one.stateReason?.code,
  "subnet-id": (one) => one.networkInterface.subnetId,
  "vpc-id": (one) => call.store.subnets.get(one.networkInterface.subnetId)?.vpcId,
});

const statusFilters = (call: Call): FilterTable<InstanceRecord> => ({
  "availability-zone": (one) => one.zone.name,
  "availability-zone-id": (one) => one.zone.id,
  "instance-state-code": (one) => describeState(one.state.at(call.nowMs)).Code,
  "instance-state-name": (one) => one.state.at(call.nowMs),
});

function groupNames(call: Call, instance: InstanceRecord): (string | undefined)[] {
  return instance.networkInterface.groupIds.map((id) => call.store.groups.get(id)?.name);
}

function describeInstances(input: DescribeInstancesRequest, call: Call): DescribeInstancesResult {
  const ids = input.InstanceIds;
  const named = ids === undefined ? [...call.store.instances.values()] : findInstances(call, ids);
  const matching = applyFilters(named, input.Filters, filters(call));
  const page = paginate(matching, input, { minimum: 5, maximum: 1000, ids });
  const reservations = Map.groupBy(page.items, (one) => one.reservationId);
  return {
    Reservations: [...reservations.values()].map((all) => describeReservation(call, all)),
    NextToken: page.NextToken,
  };
}

function describeInstanceStatus(
  input: DescribeInstanceStatusRequest,
  call: Call,
): DescribeInstanceStatusResult {
  const ids = input.InstanceIds;
  const named = ids === undefined ? [...call.store.instances.values()] : findInstances(call, ids);
  // [SDK DescribeInstanceStatusRequest]: by default only running instances are described.
  const shown = named.filter(
    (one) => input.IncludeAllInstances === true || one.state.at(call.nowMs) === "running",
  );
  const matching = applyFilters(shown, input.Filters, statusFilters(call));
  const page = paginate(matching, input, { minimum: 5, maximum: 1000, ids });
  return {
    InstanceStatuses: page.items.map((one) => describeStatus(one, call)),
    NextToken: page.NextToken,
  };
}

function describeStatus(instance: InstanceRecord, call: Call): InstanceStatus {
  const state = instance.state.at(call.nowMs);
  const summary =
    state === "running"
      ? {
          Status: "ok" as const,
          Details: [{ Name: "reachability" as const, Status: "passed" as const }],
        }
      : { Status: "not-applicable" as const };
  return {
    InstanceId: instance.id,
    AvailabilityZone: instance.zone.name,
    InstanceState: describeState(state),
    InstanceStatus: summary,
    SystemStatus: summary,
  };
}

function terminateInstances(
  input: TerminateInstancesRequest,
  call: Call,
): TerminateInstancesResult {
  const instances = findNamed(call, input.InstanceIds);
  const guarded = instances.find((one) => one.terminationProtected);
  if (guarded !== undefined) {
    throw new ApiError(
      "OperationNotPermitted",
      `The instance '${guarded.id}' may not be terminated. Modify its 'disableApiTermination' ` +
        "instance attribute and try again.",
    );
  }
  call.commit();
  const changes = instances.map((instance) =>
    change(call, instance, () => {
      const state = instance.state.at(call.nowMs);
      if (state === "shutting-down" || state === "terminated") return;
      beginEnd({ cloud: call.cloud, store: call.store }, instance, Reason.user);
    }),
  );
  return { TerminatingInstances: changes };
}

function stopInstances(input: StopInstancesRequest, call: Call): StopInstancesResult {
  const instances = findNamed(call, input.InstanceIds);
  requireState(call, instances, ["running", "stopping", "stopped"], "stopped");
  call.commit();
  const changes = instances.map((instance) =>
    change(call, instance, () => {
      if (instance.state.at(call.nowMs) !== "running") return;
      beginStop({ cloud: call.cloud, store: call.store }, instance, Reason.user);
    }),
  );
  return { StoppingInstances: changes };
}

function startInstances(input: StartInstancesRequest, call: Call): StartInstancesResult {
  const instances = findNamed(call, input.InstanceIds);
  requireState(call, instances, ["stopped", "running", "pending"], "started");
  for (const instance of instances) {
    const volumes = volumesOf(call, instance);
    if (!volumes.some((one) => one.attachment?.device === instance.imageRootDeviceName)) {
      throw new ApiError(
        "IncorrectInstanceState",
        `Invalid value '${instance.id}' for instanceId. Instance does not have a volume attached at root (${instance.imageRootDeviceName})`,
      );
    }
  }
  call.commit();
  const changes = instances.map((instance) =>
    change(call, instance, () => {
      if (instance.state.at(call.nowMs) !== "stopped") return;
      instance.state.set("pending", call.nowMs);
      instance.stateReason = undefined;
      instance.transitionReason = "";
      bringUp({ cloud: call.cloud, store: call.store }, instance);
    }),
  );
  return { StartingInstances: changes };
}

function findNamed(call: Call, ids: readonly string[] | undefined): InstanceRecord[] {
  if (ids === undefined || ids.length === 0) throw missingParameter("InstanceId");
  return findInstances(call, ids);
}

function requireState(
  call: Call,
  instances: readonly InstanceRecord[],
  allowed: readonly InstanceState[],
  what: string,
): void {
  const wrong = instances.find((one) => !allowed.includes(one.state.at(call.nowMs)));
  if (wrong === undefined) return;
  throw new ApiError(
    "IncorrectInstanceState",
    `The instance '${wrong.id}' is not in a state from which it can be ${what}: ${wrong.state.at(call.nowMs)}.`,
  );
}

function change(call: Call, instance: InstanceRecord, act: () => void): InstanceStateChange {
  const previous = instance.state.at(call.nowMs);
  act();
  return {
    InstanceId: instance.id,
    PreviousState: describeState(previous),
    CurrentState: describeState(instance.state.at(call.cloud.now())),
  };
}
