/**
 * The JSON 1.1 protocol of AWS (Service Quotas): the action in a header, input and output as JSON by
 * the operation's shapes. As strict as the query protocol's reader and writer: what the shape does not
 * have is refused in a request, and a bug of localcloud in an answer.
 */

import type { NormalizedSchema } from "@smithy/core/schema";
import { ApiError } from "./api-error.ts";
import { type OperationSchema, requiredMembers } from "./operations.ts";

export const JSON_TYPE = "application/x-amz-json-1.1";

/** @param target - The header `X-Amz-Target`: `ServiceQuotasV20190624.GetServiceQuota`. */
export function actionOf(target: string | undefined): string {
  return /^\w{1,60}\.(\w{1,60})$/.exec(target ?? "")?.[1] ?? "";
}

/** @throws ApiError `SerializationException`, `ValidationException`. */
export function readJsonInput(operation: OperationSchema, text: string): Record<string, unknown> {
  const input = readMembers(operation.input, parse(text), "");
  for (const name of requiredMembers(operation.input)) {
    if (input[name] === undefined) throw invalid(name, "Member must not be null");
  }
  return input;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text === "" ? "{}" : text);
  } catch {
    throw new ApiError("SerializationException", "The request is no JSON.");
  }
}

function readMembers(
  schema: NormalizedSchema,
  value: unknown,
  path: string,
): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ApiError("SerializationException", "Start of structure or map was expected.");
  }
  const members = new Map(schema.structIterator());
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => {
      const member = members.get(name);
      if (member === undefined) throw invalid(`${path}${name}`, "There is no such member");
      return [name, readScalar(member, part, `${path}${name}`)];
    }),
  );
}

function readScalar(schema: NormalizedSchema, value: unknown, path: string): unknown {
  if (schema.isStringSchema() && typeof value === "string") return value;
  if (schema.isNumericSchema() && typeof value === "number") return value;
  if (schema.isBooleanSchema() && typeof value === "boolean") return value;
  throw new ApiError("SerializationException", `${path} cannot be ${typeof value}.`);
}

function invalid(path: string, why: string): ApiError {
  return new ApiError(
    "ValidationException",
    `1 validation error detected: Value at '${path}' failed to satisfy constraint: ${why}`,
  );
}

/** The whole answer of a call that worked. */
export function writeJsonAnswer({ name, output: schema }: OperationSchema, output: object): string {
  checkMembers(schema, output, name);
  return JSON.stringify(output);
}

function checkMembers(schema: NormalizedSchema, value: object, path: string): void {
  const members = new Map(schema.structIterator());
  for (const [name, part] of Object.entries(value)) {
    const member = members.get(name);
    if (member === undefined) throw new Error(`${path} has no field ${name}`);
    if (member.isStructSchema()) checkMembers(member, part, `${path}.${name}`);
    else if (part !== undefined) readScalar(member, part, `${path}.${name}`);
  }
}

/** The whole answer of a call that was refused. */
export function writeJsonError({ code, message }: ApiError): string {
  return JSON.stringify({ __type: code, message });
}
