/**
 * Writes an answer as XML by the output shape of its operation, and errors in the form of each
 * service. Stricter than a serializer of the SDK: a field that the shape does not have is a bug of
 * localcloud and throws, because a client must never see what the real service cannot say.
 */

import type { NormalizedSchema } from "@smithy/core/schema";
import type { ApiError } from "./api-error.ts";
import { API_VERSION, type OperationSchema, type QueryService } from "./operations.ts";

const NAMESPACE: Readonly<Record<QueryService, string>> = {
  ec2: `http://ec2.amazonaws.com/doc/${API_VERSION.ec2}/`,
  sts: `https://sts.amazonaws.com/doc/${API_VERSION.sts}/`,
};

/** Text without the five characters and the control characters that XML 1.0 cannot carry. */
export function escapeXml(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be sent
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "")
      .replace(/[&<>"'\r]/g, (c) => ESCAPES[c] ?? c)
  );
}

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
  "\r": "&#xD;",
};

/** The whole answer of a call that worked. */
export function writeAnswer(
  service: QueryService,
  operation: OperationSchema,
  output: object,
  requestId: string,
): string {
  const { name } = operation;
  const fields = operation.output.isUnitSchema()
    ? ""
    : writeMembers(operation.output, output, `${name}Response`);
  const body =
    service === "ec2"
      ? // `return` is what EC2 says when it has nothing to say; the SDK ignores it.
        `<requestId>${requestId}</requestId>${operation.output.isUnitSchema() ? "<return>true</return>" : fields}`
      : `<${name}Result>${fields}</${name}Result>` +
        `<ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata>`;
  return document(`<${name}Response xmlns="${NAMESPACE[service]}">${body}</${name}Response>`);
}

/** The whole answer of a call that was refused. */
export function writeError(service: QueryService, error: ApiError, requestId: string): string {
  const code = escapeXml(error.code);
  const message = escapeXml(error.message);
  if (service === "ec2") {
    return document(
      `<Response><Errors><Error><Code>${code}</Code><Message>${message}</Message></Error></Errors>` +
        `<RequestID>${requestId}</RequestID></Response>`,
    );
  }
  return document(
    `<ErrorResponse xmlns="${NAMESPACE.sts}"><Error><Type>Sender</Type><Code>${code}</Code>` +
      `<Message>${message}</Message></Error><RequestId>${requestId}</RequestId></ErrorResponse>`,
  );
}

function document(content: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${content}`;
}

function writeMembers(schema: NormalizedSchema, value: object, path: string): string {
  const fields = new Map(Object.entries(value));
  let xml = "";
  for (const [memberName, member] of schema.structIterator()) {
    const field: unknown = fields.get(memberName);
    fields.delete(memberName);
    if (field === undefined || field === null) continue;
    const tag = nameOf(member) ?? memberName;
    xml += writeMember(member, field, tag, `${path}.${memberName}`);
  }
  for (const [name, field] of fields) {
    if (field !== undefined) throw new Error(`${path} has no field ${name}`);
  }
  return xml;
}

function writeMember(schema: NormalizedSchema, value: unknown, tag: string, path: string): string {
  if (schema.isStructSchema()) {
    if (typeof value !== "object" || value === null) throw new Error(`${path} is a structure`);
    return `<${tag}>${writeMembers(schema, value, path)}</${tag}>`;
  }
  if (schema.isListSchema()) {
    if (!Array.isArray(value)) throw new Error(`${path} is a list`);
    const item = schema.getValueSchema();
    const flat = schema.getMergedTraits().xmlFlattened !== undefined;
    const itemTag = flat ? tag : (nameOf(item) ?? "member");
    const items = value.map((one, i) => writeMember(item, one, itemTag, `${path}[${i}]`)).join("");
    return flat ? items : `<${tag}>${items}</${tag}>`;
  }
  return `<${tag}>${escapeXml(scalarText(schema, value, path))}</${tag}>`;
}

function scalarText(schema: NormalizedSchema, value: unknown, path: string): string {
  if (schema.isStringSchema() && typeof value === "string") return value;
  if (schema.isBooleanSchema() && typeof value === "boolean") return String(value);
  if (schema.isNumericSchema() && typeof value === "number") return String(value);
  if (schema.isTimestampSchema() && value instanceof Date) return value.toISOString();
  if (schema.isBlobSchema() && value instanceof Uint8Array) {
    return Buffer.from(value).toString("base64");
  }
  throw new Error(`${path} cannot be ${typeof value}`);
}

function nameOf(schema: NormalizedSchema): string | undefined {
  const { xmlName } = schema.getMergedTraits();
  return typeof xmlName === "string" ? xmlName : undefined;
}
