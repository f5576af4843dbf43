/** How requests are read and answers written, by the protocol of a service. */

import type { IncomingMessage } from "node:http";
import type { ApiError } from "./api-error.ts";
import { actionOf, JSON_TYPE, readJsonInput, writeJsonAnswer, writeJsonError } from "./json.ts";
import type { OperationSchema, QueryService } from "./operations.ts";
import { readInput } from "./query-reader.ts";
import { writeAnswer, writeError } from "./xml-writer.ts";

/** A request as far as it can be read before its operation is known. */
export interface ReadRequest {
  readonly action: string;
  /** @throws ApiError when the input is not of the operation's shape. */
  readonly readInput: (operation: OperationSchema) => Record<string, unknown>;
}

export interface Wire {
  readonly contentType: string;
  readonly read: (request: IncomingMessage, body: Buffer) => ReadRequest;
  readonly writeAnswer: (operation: OperationSchema, output: object, requestId: string) => string;
  readonly writeError: (error: ApiError, requestId: string) => string;
}

export function queryWire(service: QueryService): Wire {
  return {
    contentType: "text/xml;charset=UTF-8",
    read(_request, body) {
      const parameters = new URLSearchParams(body.toString("utf8"));
      const action = parameters.get("Action") ?? "";
      parameters.delete("Action");
      parameters.delete("Version");
      return { action, readInput: (operation) => readInput(operation, parameters) };
    },
    writeAnswer: (operation, output, id) => writeAnswer(service, operation, output, id),
    writeError: (error, id) => writeError(service, error, id),
  };
}

export const JSON_WIRE: Wire = {
  contentType: JSON_TYPE,
  read(request, body) {
    const target = request.headers["x-amz-target"];
    return {
      action: actionOf(Array.isArray(target) ? undefined : target),
      readInput: (operation) => readJsonInput(operation, body.toString("utf8")),
    };
  },
  writeAnswer: writeJsonAnswer,
  writeError: writeJsonError,
};
