/** DescribeInstanceTypes, DescribeInstanceTypeOfferings. */

import type {
  DescribeInstanceTypeOfferingsRequest,
  DescribeInstanceTypeOfferingsResult,
  DescribeInstanceTypesRequest,
  DescribeInstanceTypesResult,
  InstanceTypeInfo,
  InstanceTypeOffering,
} from "@aws-sdk/client-ec2";
import { type Action, type Call, ec2Action } from "../call.ts";
import { INSTANCE_TYPES, type InstanceType, isOffered } from "../catalog/instance-types.ts";
import { applyPlainFilters } from "../filters.ts";
import { paginate } from "../paging.ts";
import { ApiError, invalidValue } from "../protocol/api-error.ts";

export const INSTANCE_TYPE_ACTIONS: readonly Action[] = [
  ec2Action<DescribeInstanceTypesRequest, DescribeInstanceTypesResult>(
    "DescribeInstanceTypes",
    ["InstanceTypes", "Filters", "MaxResults", "NextToken"],
    describeInstanceTypes,
  ),
  ec2Action<DescribeInstanceTypeOfferingsRequest, DescribeInstanceTypeOfferingsResult>(
    "DescribeInstanceTypeOfferings",
    ["LocationType", "Filters", "MaxResults", "NextToken"],
    describeInstanceTypeOfferings,
  ),
];

function describeInstanceTypes(
  input: DescribeInstanceTypesRequest,
  call: Call,
): DescribeInstanceTypesResult {
  const names = input.InstanceTypes ?? [];
  const offered = [...INSTANCE_TYPES.values()].filter((type) => isOffered(type, call.region));
  const unknown = names.filter((name) => !offered.some((type) => type.name === name));
  if (unknown.length > 0) {
    throw new ApiError(
      "InvalidInstanceType",
      `The following supplied instance types do not exist: [${unknown.join(", ")}]`,
    );
  }
  const named = offered.filter(
    (type) => names.length === 0 || names.some((name) => name === type.name),
  );
  const matching = applyPlainFilters(named, input.Filters, {
    "current-generation": (type) => type.currentGeneration,
    hypervisor: (type) => (type.nitro ? "nitro" : "xen"),
    "instance-type": (type) => type.name,
    "memory-info.size-in-mib": (type) => type.memoryMib,
    "network-info.ena-support": (type) => (type.nitro ? "required" : "unsupported"),
    "processor-info.supported-architecture": (type) => type.architecture,
    "vcpu-info.default-vcpus": (type) => type.vcpus,
  });
  const page = paginate(matching, input, { minimum: 5, maximum: 100, ids: names });
  return { InstanceTypes: page.items.map(describeType), NextToken: page.NextToken };
}

function describeType(type: InstanceType): InstanceTypeInfo {
  return {
    InstanceType: type.name as NonNullable<InstanceTypeInfo["InstanceType"]>,
    CurrentGeneration: type.currentGeneration,
    FreeTierEligible: false,
    SupportedUsageClasses: ["on-demand", "spot"],
    SupportedRootDeviceTypes: ["ebs"],
    SupportedVirtualizationTypes: ["hvm"],
    BareMetal: false,
    Hypervisor: type.nitro ? "nitro" : "xen",
    ProcessorInfo: { SupportedArchitectures: [type.architecture] },
    VCpuInfo: { DefaultVCpus: type.vcpus },
    MemoryInfo: { SizeInMiB: type.memoryMib },
    InstanceStorageSupported: false,
    EbsInfo: {
      EbsOptimizedSupport: type.nitro ? "default" : "supported",
      EncryptionSupport: "supported",
      EbsOptimizedInfo: {
        BaselineBandwidthInMbps: type.ebsBaselineMibPerSecond * 8,
        BaselineThroughputInMBps: type.ebsBaselineMibPerSecond,
        MaximumBandwidthInMbps: type.ebsMaximumMibPerSecond * 8,
        MaximumThroughputInMBps: type.ebsMaximumMibPerSecond,
      },
      NvmeSupport: type.nitro ? "required" : "unsupported",
      MaximumEbsAttachments: type.maximumEbsAttachments,
      AttachmentLimitType: type.attachmentLimitType,
    },
    NetworkInfo: {
      NetworkPerformance: type.networkPerformance,
      MaximumNetworkInterfaces: 3,
      MaximumNetworkCards: 1,
      DefaultNetworkCardIndex: 0,
      NetworkCards: [
        {
          NetworkCardIndex: 0,
          NetworkPerformance: type.networkPerformance,
          MaximumNetworkInterfaces: 3,
          BaselineBandwidthInGbps: type.networkBaselineGbps,
          PeakBandwidthInGbps: type.networkPeakGbps,
        },
      ],
      Ipv4AddressesPerInterface: 10,
      Ipv6Supported: true,
      EnaSupport: type.nitro ? "required" : "unsupported",
    },
    HibernationSupported: false,
    BurstablePerformanceSupported: type.name.startsWith("t"),
    SupportedBootModes:
      type.architecture === "arm64"
        ? ["uefi"]
        : type.nitro
          ? ["legacy-bios", "uefi"]
          : ["legacy-bios"],
    NitroTpmSupport: type.nitro ? "supported" : "unsupported",
  };
}

function describeInstanceTypeOfferings(
  input: DescribeInstanceTypeOfferingsRequest,
  call: Call,
): DescribeInstanceTypeOfferingsResult {
  const { region } = call;
  const kind = input.LocationType ?? "region";
  const types = [...INSTANCE_TYPES.values()];
  if (!["region", "availability-zone", "availability-zone-id"].includes(kind)) {
    throw invalidValue(`Value (${kind}) for parameter locationType is invalid.`);
  }
  const offerings = types.flatMap((type): InstanceTypeOffering[] => {
    const name = type.name as NonNullable<InstanceTypeOffering["InstanceType"]>;
    if (kind === "region") {
      if (!isOffered(type, region)) return [];
      return [{ InstanceType: name, LocationType: kind, Location: region.name }];
    }
    return region.zones
      .filter((zone) => isOffered(type, region, zone))
      .map((zone) => ({
        InstanceType: name,
        LocationType: kind,
        Location: kind === "availability-zone" ? zone.name : zone.id,
      }));
  });
  const matching = applyPlainFilters(offerings, input.Filters, {
    "instance-type": (offering) => offering.InstanceType,
    location: (offering) => offering.Location,
  });
  const page = paginate(matching, input, { minimum: 5, maximum: 1000 });
  return { InstanceTypeOfferings: [...page.items], NextToken: page.NextToken };
}
