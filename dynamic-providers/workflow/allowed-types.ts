/** What an image's owner says of the instance types that may launch it. Pure. */

import type { Image } from "../ec2/image.ts";

/** RunInstances refuses all others. [ReplaceImageInstanceTypeSpecification] */
export function mayLaunch({ instanceTypes: rule }: Image, instanceType: string): boolean {
  if (rule === undefined) return true;
  const { supported, unsupported } = rule;
  const isNamed = (patterns: readonly string[]) =>
    patterns.some((pattern) => matches(pattern, instanceType));
  return (supported.length === 0 || isNamed(supported)) && !isNamed(unsupported);
}

/** `*` stands for any text. By parts and not by a pattern of somebody else's making. */
function matches(pattern: string, text: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  if (!text.startsWith(first)) return false;
  const last = rest.pop();
  if (last === undefined) return text === first;
  let from = first.length;
  for (const part of rest) {
    const at = text.indexOf(part, from);
    if (at < 0) return false;
    from = at + part.length;
  }
  return text.length - last.length >= from && text.endsWith(last);
}
