/** What the providers are made of: the composition in `compose-providers.ts`, or a test's twins. */

import type { HelperSide } from "../agent/contract.ts";
import type { Ec2 } from "./ec2/ec2.ts";
import type { TagQuery } from "./ec2/tags.ts";
import type { EngineLog } from "./engine-log.ts";
import type { SharedRuns } from "./shared-run.ts";
import type {
  CopiedImageFacts,
  CopyRequest,
  ImageWishes,
  NewRun,
  RunIdentity,
  SideReference,
} from "./workflow/copy-request.ts";
import type { Limits } from "./workflow/limits.ts";
import type { ObservedImage } from "./workflow/observe-image.ts";
import type { OwnedImage } from "./workflow/own-image.ts";
import type { PreflightReport } from "./workflow/preflight.ts";
import type { RestoredImage } from "./workflow/restore-image.ts";
import type { Clock } from "./workflow/run-context.ts";

export interface ProviderParts {
  readonly openCloud: (side: SideReference) => Ec2;
  readonly tagsOf: (runId: string) => TagQuery;
  /** When this process began, in milliseconds since 1970 by the clock here. */
  readonly startMs: number;
  /** 16 random hex digits. */
  readonly newRunId: () => string;
  /** 16 hex digits of a row, given its stack's organization and its URN: what no two rows have, of whatever stacks. */
  readonly rowOf: (organization: string, urn: string) => string;

  readonly preflight: (request: CopyRequest, begins: NewRun) => Promise<PreflightReport>;
  readonly runs: SharedRuns;
  readonly observeImage: (
    facts: CopiedImageFacts,
    cloud: Ec2,
    wanted: ImageWishes,
  ) => Promise<ObservedImage>;
  readonly restoreImage: (
    facts: CopiedImageFacts,
    inputs: {
      readonly request: CopyRequest;
      readonly run: RunIdentity;
      readonly progressUrn: string;
    },
  ) => Promise<RestoredImage>;
  readonly updateImage: (
    facts: CopiedImageFacts,
    wishes: ImageWishes,
    cloud: Ec2,
  ) => Promise<CopiedImageFacts>;
  readonly ownImage: (cloud: Ec2, image: OwnedImage, nowMs: number) => Promise<void>;
  readonly removeImage: (facts: CopiedImageFacts, cloud: Ec2) => Promise<void>;
  /** As {@link sweepRun}, but every finished image stays. */
  readonly sweepLeftBehind: (run: RunIdentity, cloud: Ec2, side: HelperSide) => Promise<unknown>;
  readonly sweepRun: (run: RunIdentity, cloud: Ec2, side: HelperSide) => Promise<unknown>;

  readonly log: EngineLog;
  readonly clock: Clock;
  readonly limits: Limits;
}
