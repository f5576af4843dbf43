/** Command lines that are not what the usage says. */

import { type ParseArgsConfig, parseArgs } from "node:util";

/** The message names the option. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/**
 * `parseArgs` says well what is wrong; it only has to be told from failures.
 *
 * @throws UsageError
 */
export function parseArguments<const Config extends ParseArgsConfig>(config: Config) {
  try {
    return parseArgs(config);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}
