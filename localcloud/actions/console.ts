/** GetConsoleOutput. */

import type { GetConsoleOutputRequest, GetConsoleOutputResult } from "@aws-sdk/client-ec2";
import { type Action, type Call, ec2Action } from "../call.ts";
import { ApiError } from "../protocol/api-error.ts";
import { findInstance } from "./instance-lookup.ts";

/** [SDK GetConsoleOutput]: the most recent 64 KB. */
const CONSOLE_MAX_BYTES = 64 * 1024;

export const CONSOLE_ACTIONS: readonly Action[] = [
  ec2Action<GetConsoleOutputRequest, GetConsoleOutputResult>(
    "GetConsoleOutput",
    ["InstanceId", "Latest"],
    getConsoleOutput,
  ),
];

/**
 * With `Latest` the console as it is now; without it only what was posted when the instance last
 * changed its state, so nothing at all from an instance that has just been launched.
 */
function getConsoleOutput(input: GetConsoleOutputRequest, call: Call): GetConsoleOutputResult {
  const instance = findInstance(call, input.InstanceId);
  if (input.Latest === true && !instance.type.nitro) {
    throw new ApiError(
      "UnsupportedOperation",
      "This instance type does not support retrieving the latest console logs. " +
        `The instance is of type ${instance.type.name}.`,
    );
  }
  const lagMs = call.cloud.faults.consoleLagMs(instance.id);
  const live = input.Latest === true ? instance.machine?.consoleText(lagMs) : undefined;
  const text = live ?? instance.postedConsole?.text(lagMs);
  const at = live === undefined ? instance.postedConsole?.at : call.now;
  return {
    InstanceId: instance.id,
    ...(text === undefined || at === undefined
      ? {}
      : {
          Output: Buffer.from(text).subarray(-CONSOLE_MAX_BYTES).toString("base64"),
          Timestamp: at,
        }),
  };
}
