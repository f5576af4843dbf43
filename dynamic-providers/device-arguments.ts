/** How the devices of a copy are to differ from the source's. */

import * as v from "valibot";
import { flag, known, optional, text, wholeNumber } from "./argument-schemas.ts";

/** EC2: a device name is short; ours: what a shell or a log could misread is none. */
const DEVICE_NAME = /^\/?[a-z][a-z0-9/]{1,31}$/;

const deviceChange = v.strictObject({
  volumeType: optional(
    text(/^(?:gp2|gp3|io1|io2|st1|sc1|standard)$/, "gp2, gp3, io1, io2, st1, sc1 or standard"),
  ),
  iops: optional(wholeNumber(100, 256_000, "operations per second")),
  throughputMibps: optional(wholeNumber(125, 2_000, "MiB per second")),
  volumeSizeGib: optional(wholeNumber(1, 65_536, "GiB")),
  deleteOnTermination: optional(flag),
});

export const blockDevices = v.pipe(
  v.record(v.string(), known(deviceChange)),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    for (const name of Object.keys(dataset.value)) {
      if (!DEVICE_NAME.test(name)) {
        addIssue({ message: `has "${name}", which is no device name (like "/dev/sdf")` });
      }
    }
  }),
);
