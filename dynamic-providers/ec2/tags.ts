/** Tags of what EC2 holds, and how things are asked for by them. */

export type Tags = Readonly<Record<string, string>>;

/** Tags to match: a value, or `undefined` for any value of the key. */
export type TagQuery = Readonly<Record<string, string | undefined>>;

export interface IdOrTagQuery {
  readonly ids?: readonly string[];
  readonly tags?: TagQuery;
}
