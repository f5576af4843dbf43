/** What stands in the way of a copy, as a person is told it; no answer of AWS is that as well. */

import { isCloudError } from "../../ec2/cloud-error.ts";

/** One thing that stands in the way of a copy. */
export interface Problem {
  /** Path of the argument to change: `source.region`. */
  readonly property: string;
  /** What is wrong, with the ids involved: one sentence. */
  readonly message: string;
  /** What to do: one sentence. */
  readonly hint: string;
}

/** A check that AWS does not answer is a problem of that side as well. */
export async function sentences(
  side: "source" | "destination",
  check: () => Promise<Problem[]>,
): Promise<Problem[]> {
  try {
    return await check();
  } catch (error) {
    return [problemFrom(side, error)];
  }
}

export function problemFrom(side: "source" | "destination", error: unknown): Problem {
  if (!isCloudError(error)) throw error;
  const hint =
    error.kind === "denied"
      ? `Allow ec2:${error.operation} to the identity of this side.`
      : "Run again when AWS answers.";
  return { property: side, message: `${error.message}.`, hint };
}
