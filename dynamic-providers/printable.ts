/**
 * Words from outside (a helper's console, a name, tag or reason that somebody gave, an error of AWS)
 * on their way to a person: nothing in them may move a cursor, colour a line, hide what stands
 * before it, or begin a line of its own that a log or a CI system takes for ours.
 */

/** Controls, formatting characters (among them those that turn the direction), line separators. */
const HARMFUL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** Several lines of ours; whatever else could act on a terminal is shown as its code. */
export function printable(text: string): string {
  return text.replace(HARMFUL, (character) => (character === "\n" ? "\n" : codeOf(character)));
}

/** Likewise, and on one line. */
export function printableLine(text: string): string {
  return text.replace(HARMFUL, codeOf);
}

function codeOf(character: string): string {
  const hex = (character.codePointAt(0) ?? 0).toString(16);
  return hex.length <= 2 ? `\\x${hex.padStart(2, "0")}` : `\\u{${hex}}`;
}
