/**
 * The operations of each service as the AWS SDK itself describes them: name, input, output. Reading
 * requests and writing answers by these schemas is what keeps localcloud and the real client from
 * disagreeing about the protocol.
 */

import * as ec2 from "@aws-sdk/client-ec2";
import * as servicequotas from "@aws-sdk/client-service-quotas";
import * as sts from "@aws-sdk/client-sts";
import { NormalizedSchema } from "@smithy/core/schema";

/** By their names in a signature. */
export const SERVICES = ["ec2", "sts", "servicequotas"] as const;

export type Service = (typeof SERVICES)[number];

/** Those that take parameters of a form and answer XML. */
export type QueryService = Exclude<Service, "servicequotas">;

/** One operation's two shapes. */
export interface OperationSchema {
  readonly service: Service;
  readonly name: string;
  readonly input: NormalizedSchema;
  readonly output: NormalizedSchema;
}

/** Static operation schemas are arrays `[9, namespace, name, traits, input, output]`. */
const OPERATION_KIND = 9;

const MODULES: Readonly<Record<Service, Readonly<Record<string, unknown>>>> = {
  ec2,
  sts,
  servicequotas,
};

/** API versions, as in the `Version` parameter of every request. */
export const API_VERSION: Readonly<Record<QueryService, string>> = {
  ec2: "2016-11-15",
  sts: "2011-06-15",
};

/** @returns `undefined` when the service has no operation of that name. */
export function findOperation(service: Service, name: string): OperationSchema | undefined {
  const key = `${name}$`;
  const module = MODULES[service];
  if (!Object.hasOwn(module, key)) return undefined;
  const schema = module[key];
  if (!Array.isArray(schema) || schema[0] !== OPERATION_KIND) return undefined;
  return {
    service,
    name,
    input: NormalizedSchema.of(schema[4]),
    output: NormalizedSchema.of(schema[5]),
  };
}

/** The first members of a static structure, as many as its 7th item says, are required. */
export function requiredMembers(schema: NormalizedSchema): readonly string[] {
  const structure: unknown = schema.getSchema();
  if (!Array.isArray(structure)) return [];
  const names: unknown = structure[4];
  const count: unknown = structure[6];
  if (!Array.isArray(names) || typeof count !== "number") return [];
  return names.slice(0, count).filter((name): name is string => typeof name === "string");
}
