/** How to reach one side. References only: no key ever appears here, since Pulumi stores inputs. */
export interface SideReference {
  readonly region: string;
  /** A profile of the shared AWS configuration: that one only, no fall-through. */
  readonly profile?: string;
  readonly assumeRole?: {
    readonly roleArn: string;
    readonly externalId?: string;
    readonly sessionName?: string;
  };
  /** `"SOURCE_"` reads SOURCE_AWS_ACCESS_KEY_ID, SOURCE_AWS_SECRET_ACCESS_KEY, SOURCE_AWS_SESSION_TOKEN. */
  readonly environmentPrefix?: string;
  readonly expectedAccountId?: string;
}
