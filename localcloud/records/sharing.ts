/** Who else may use an image or a snapshot. */
export interface Sharing {
  readonly accountIds: Set<string>;
  /** ARNs of organizations and organizational units; only images have them. */
  readonly organizationArns: Set<string>;
  everyone: boolean;
}
