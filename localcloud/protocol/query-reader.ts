/**
 * Reads the parameters of a query-protocol request (`Filter.1.Value.2=…`) into the input shape of
 * an operation. Generic: it knows schemas, not operations. What the schema does not know, and what
 * does not parse as its type, is refused, because EC2 refuses it too.
 *
 *   ec2   lists are flat (`ImageId.1`), names by the traits ec2QueryName or xmlName, capitalised
 *   sts   lists have `member` between (`PolicyArns.member.1.arn`), names by xmlName
 */

import type { NormalizedSchema } from "@smithy/core/schema";
import { ApiError, invalidValue, missingParameter } from "./api-error.ts";
import { type OperationSchema, requiredMembers, type Service } from "./operations.ts";

/** Ours. More than any real request has; bounds the work for a hostile one. */
const PARAMETERS_MAX_COUNT = 5000;
/** Ours. The deepest real path (RunInstances network interfaces) has 8 parts. */
const PATH_MAX_PARTS = 16;

/** Parameters as a tree: `A.1.B=x` is A → 1 → B with text `x`. */
interface Branch {
  text?: string;
  readonly children: Map<string, Branch>;
}

interface Reading {
  readonly service: Service;
}

/**
 * @param parameters - All parameters but Action and Version, which are not part of the input.
 * @throws ApiError `UnknownParameter`, `InvalidParameterValue`, `MissingParameter`,
 *   `InvalidQueryParameter`.
 */
export function readInput(
  operation: OperationSchema,
  parameters: Iterable<readonly [string, string]>,
): Record<string, unknown> {
  const root = plant(parameters);
  const reading = { service: operation.service };
  if (operation.input.isUnitSchema()) {
    refuseUnknown(root, new Set(), "");
    return {};
  }
  return readStructure(reading, operation.input, root, "");
}

function plant(parameters: Iterable<readonly [string, string]>): Branch {
  const root: Branch = { children: new Map() };
  let count = 0;
  for (const [path, text] of parameters) {
    count += 1;
    const parts = path.split(".");
    if (count > PARAMETERS_MAX_COUNT || parts.length > PATH_MAX_PARTS) {
      throw new ApiError("InvalidQueryParameter", "The request has too many parameters.");
    }
    let branch = root;
    for (const part of parts) {
      let next = branch.children.get(part);
      if (next === undefined) {
        next = { children: new Map() };
        branch.children.set(part, next);
      }
      branch = next;
    }
    if (branch.text !== undefined) {
      throw new ApiError("InvalidQueryParameter", `The parameter ${path} is given twice.`);
    }
    branch.text = text;
  }
  return root;
}

function readStructure(
  reading: Reading,
  schema: NormalizedSchema,
  branch: Branch,
  path: string,
): Record<string, unknown> {
  refuseText(branch, path);
  const value: Record<string, unknown> = {};
  const known = new Set<string>();
  for (const [memberName, member] of schema.structIterator()) {
    const key = parameterName(reading, memberName, member);
    known.add(key);
    const child = branch.children.get(key);
    if (child !== undefined) value[memberName] = readValue(reading, member, child, join(path, key));
  }
  refuseUnknown(branch, known, path);
  for (const name of requiredMembers(schema)) {
    const member = schema.getMemberSchema(name);
    if (value[name] === undefined && !member.isIdempotencyToken()) {
      throw missingParameter(join(path, parameterName(reading, name, member)));
    }
  }
  return value;
}

function readValue(
  reading: Reading,
  schema: NormalizedSchema,
  branch: Branch,
  path: string,
): unknown {
  if (schema.isStructSchema()) return readStructure(reading, schema, branch, path);
  if (schema.isListSchema()) return readList(reading, schema, branch, path);
  if (schema.isMapSchema()) {
    throw new ApiError("UnknownParameter", `The parameter ${path} is not recognized`);
  }
  if (branch.children.size > 0 || branch.text === undefined) {
    const [child] = branch.children.keys();
    throw new ApiError(
      "UnknownParameter",
      `The parameter ${join(path, child ?? "")} is not recognized`,
    );
  }
  return readScalar(schema, branch.text, path);
}

function readList(
  reading: Reading,
  schema: NormalizedSchema,
  branch: Branch,
  path: string,
): unknown[] {
  const flat = reading.service === "ec2" || schema.getMergedTraits().xmlFlattened !== undefined;
  if (!flat) {
    // An empty list is sent as `Name=`.
    if (branch.text === "" && branch.children.size === 0) return [];
    const separator = traitText(schema.getValueSchema().getMergedTraits().xmlName) ?? "member";
    refuseUnknown(branch, new Set([separator]), path);
    const inner = branch.children.get(separator);
    if (inner === undefined) return [];
    return readItems(reading, schema, inner, join(path, separator));
  }
  return readItems(reading, schema, branch, path);
}

function readItems(
  reading: Reading,
  schema: NormalizedSchema,
  branch: Branch,
  path: string,
): unknown[] {
  refuseText(branch, path);
  const numbered: [number, Branch][] = [];
  for (const [part, child] of branch.children) {
    if (!/^[0-9]{1,6}$/.test(part)) {
      throw new ApiError("UnknownParameter", `The parameter ${join(path, part)} is not recognized`);
    }
    numbered.push([Number(part), child]);
  }
  numbered.sort(([a], [b]) => a - b);
  const item = schema.getValueSchema();
  return numbered.map(([n, child]) => readValue(reading, item, child, join(path, String(n))));
}

function readScalar(schema: NormalizedSchema, text: string, path: string): unknown {
  if (schema.isStringSchema()) return text;
  if (schema.isBooleanSchema()) {
    if (text === "true") return true;
    if (text === "false") return false;
    throw invalidValue(`Value (${text}) for parameter ${path} is invalid. Must be true or false.`);
  }
  if (schema.isNumericSchema() || schema.isBigIntegerSchema()) {
    if (!/^-?[0-9]{1,15}(\.[0-9]{1,15})?$/.test(text)) {
      throw invalidValue(`Value (${text}) for parameter ${path} is invalid. Must be a number.`);
    }
    return Number(text);
  }
  if (schema.isTimestampSchema()) {
    const time = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN;
    if (Number.isNaN(time)) {
      throw invalidValue(`Value (${text}) for parameter ${path} is invalid. Must be a time.`);
    }
    return new Date(time);
  }
  if (schema.isBlobSchema()) return Buffer.from(text, "base64");
  throw new Error(`unexpected schema of ${path}: ${schema.getName(true)}`);
}

function parameterName(reading: Reading, memberName: string, member: NormalizedSchema): string {
  const { ec2QueryName, xmlName } = member.getMergedTraits();
  const plain = traitText(xmlName) ?? memberName;
  if (reading.service !== "ec2") return plain;
  return traitText(ec2QueryName) ?? plain.charAt(0).toUpperCase() + plain.slice(1);
}

function traitText(trait: unknown): string | undefined {
  return typeof trait === "string" ? trait : undefined;
}

function refuseUnknown(branch: Branch, known: ReadonlySet<string>, path: string): void {
  for (const part of branch.children.keys()) {
    if (!known.has(part)) {
      throw new ApiError("UnknownParameter", `The parameter ${join(path, part)} is not recognized`);
    }
  }
}

/** A structure or list has parts, never a value of its own. */
function refuseText(branch: Branch, path: string): void {
  if (branch.text !== undefined) {
    throw invalidValue(`Value (${branch.text}) for parameter ${path} is invalid.`);
  }
}

function join(path: string, part: string): string {
  return path === "" ? part : `${path}.${part}`;
}
