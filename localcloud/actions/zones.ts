/** DescribeRegions, DescribeAvailabilityZones. */

import type {
  AvailabilityZone,
  DescribeAvailabilityZonesRequest,
  DescribeAvailabilityZonesResult,
  DescribeRegionsRequest,
  DescribeRegionsResult,
} from "@aws-sdk/client-ec2";
import { type Action, type Call, ec2Action } from "../call.ts";
import type { Region, Zone } from "../catalog/regions.ts";
import { applyPlainFilters } from "../filters.ts";
import { ApiError, invalidValue } from "../protocol/api-error.ts";

export const ZONE_ACTIONS: readonly Action[] = [
  ec2Action<DescribeRegionsRequest, DescribeRegionsResult>(
    "DescribeRegions",
    ["RegionNames", "Filters", "AllRegions"],
    describeRegions,
  ),
  ec2Action<DescribeAvailabilityZonesRequest, DescribeAvailabilityZonesResult>(
    "DescribeAvailabilityZones",
    ["ZoneNames", "ZoneIds", "AllAvailabilityZones", "Filters"],
    describeAvailabilityZones,
  ),
];

function describeRegions(input: DescribeRegionsRequest, call: Call): DescribeRegionsResult {
  const { partition } = call.store;
  const endpoint = (region: Region) => `ec2.${region.name}.${partition.dnsSuffix}`;
  const unknown = input.RegionNames?.find(
    (name) => !partition.regions.some((region) => region.name === name),
  );
  if (unknown !== undefined) throw invalidValue(`Invalid region provided: [${unknown}]`);
  const named = partition.regions.filter(
    (region) => input.RegionNames === undefined || input.RegionNames.includes(region.name),
  );
  const matching = applyPlainFilters(named, input.Filters, {
    endpoint,
    "opt-in-status": () => "opt-in-not-required",
    "region-name": (region) => region.name,
  });
  return {
    Regions: matching.map((region) => ({
      RegionName: region.name,
      Endpoint: endpoint(region),
      OptInStatus: "opt-in-not-required",
    })),
  };
}

function describeAvailabilityZones(
  input: DescribeAvailabilityZonesRequest,
  call: Call,
): DescribeAvailabilityZonesResult {
  const zones = shownZones(input, call);
  const names = zones.map((zone) => zone.name);
  const ids = zones.map((zone) => zone.id);
  const unknown =
    input.ZoneNames?.find((name) => !names.includes(name)) ??
    input.ZoneIds?.find((id) => !ids.includes(id));
  if (unknown !== undefined) {
    throw new ApiError("InvalidParameterValue", `Invalid availability zone: [${unknown}]`);
  }
  const named = zones.filter(
    (zone) =>
      (input.ZoneNames === undefined || input.ZoneNames.includes(zone.name)) &&
      (input.ZoneIds === undefined || input.ZoneIds.includes(zone.id)),
  );
  const matching = applyPlainFilters<Zone>(named, input.Filters, {
    "group-name": (zone) => groupName(zone, call),
    "opt-in-status": (zone) => optInStatus(zone, call),
    "region-name": () => call.region.name,
    state: () => "available",
    "zone-id": (zone) => zone.id,
    "zone-name": (zone) => zone.name,
    "zone-type": zoneType,
  });
  return {
    AvailabilityZones: matching.map(
      (zone): AvailabilityZone => ({
        ZoneName: zone.name,
        ZoneId: zone.id,
        ZoneType: zoneType(zone),
        State: "available",
        RegionName: call.region.name,
        GroupName: groupName(zone, call),
        NetworkBorderGroup: groupName(zone, call),
        OptInStatus: optInStatus(zone, call),
        Messages: [],
      }),
    ),
  };
}

/** Local Zones are there for who asks for all, and for who has opted in: has a subnet in one. */
function shownZones(input: DescribeAvailabilityZonesRequest, call: Call): readonly Zone[] {
  const local = call.region.localZones.filter(
    (zone) => input.AllAvailabilityZones === true || optInStatus(zone, call) === "opted-in",
  );
  return [...call.region.zones, ...local];
}

function zoneType(zone: Zone): string {
  return zone.local === true ? "local-zone" : "availability-zone";
}

function groupName(zone: Zone, call: Call): string {
  return zone.local === true ? zone.name.replace(/[a-z]$/, "") : call.region.name;
}

function optInStatus(zone: Zone, call: Call) {
  if (zone.local !== true) return "opt-in-not-required";
  const used = [...call.store.subnets.values()].some((subnet) => subnet.zone === zone);
  return used ? "opted-in" : "not-opted-in";
}
