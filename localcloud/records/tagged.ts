/**
 * What every record has. Records hold facts in our own words; how EC2 shows them is the business of
 * the action that describes them.
 */
export interface Tagged {
  readonly id: string;
  readonly tags: Map<string, string>;
}
