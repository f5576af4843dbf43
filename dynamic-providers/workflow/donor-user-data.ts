/**
 * What a licence donor is told at launch: to end when nobody ends it. Shutting itself down means its
 * termination, so that a donor whose controller died while it ran is gone with its lease. Once it is
 * stopped it costs no more than its volumes, and a sweep finds it by its tags.
 */

import type { Image } from "../ec2/image.ts";

/** Pure. Windows takes no gzip, so it is plain text for all. */
export function donorUserData(
  { platformDetails = "" }: Pick<Image, "platformDetails">,
  leaseMs: number,
): Uint8Array {
  const seconds = Math.ceil(leaseMs / 1000);
  const text = platformDetails.startsWith("Windows")
    ? `<script>\r\nshutdown /s /f /t ${seconds}\r\n</script>\r\n`
    : `#!/bin/sh\nshutdown -P +${Math.ceil(seconds / 60)}\n`;
  return Buffer.from(text);
}
