/** Tags of an image and of helpers: how many, and which keys. */

import * as v from "valibot";
import { known, text } from "./argument-schemas.ts";

/** EC2 allows 50 tags; the rest is for our own. */
const TAG_COUNT_MAX = 40;

function tags(keyPattern: RegExp, keyForm: string) {
  return v.pipe(
    v.record(v.string(), known(text(/^.{0,256}$/s, "text of at most 256 characters"))),
    v.check(
      (value) => Object.keys(value).length <= TAG_COUNT_MAX,
      `must have at most ${TAG_COUNT_MAX} tags`,
    ),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      for (const key of Object.keys(dataset.value)) {
        const fault = faultOfKey(key, keyPattern, keyForm);
        if (fault !== undefined) addIssue({ message: `has a tag key "${key}": ${fault}` });
      }
    }),
  );
}

function faultOfKey(key: string, pattern: RegExp, form: string): string | undefined {
  if (/^aws:/i.test(key)) return 'keys beginning with "aws:" belong to AWS';
  if (/^amicopy:/i.test(key)) return 'keys beginning with "amicopy:" belong to this package';
  return pattern.test(key) ? undefined : `a key must be ${form}`;
}

export const imageTags = tags(
  /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$/u,
  "1 to 128 letters, digits, spaces and + - = . _ : / @",
);

/** A helper reads its tags from its metadata service, and EC2 refuses keys that do not fit there. */
export const helperTags = tags(
  /^(?!\.{1,2}$|_index$)[A-Za-z0-9+\-=.,_:@]{1,128}$/,
  "1 to 128 letters, digits and + - = . , _ : @",
);
