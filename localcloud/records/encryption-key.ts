/** What a localcloud remembers of a key of KMS. */

export interface KeyRecord {
  readonly id: string;
  readonly arn: string;
  readonly alias: string;
  readonly managedByAws: boolean;
  /** Accounts that may use it too, by ARN; `all`: of the whole partition. */
  grantedTo: ReadonlySet<string> | "all";
  /** A disabled key is as good as none. */
  enabled: boolean;
}
