/** A localcloud in a process of its own, for {@link measureMemory}. Argument: its directory. */

import { startLocalcloud } from "../../localcloud/localcloud.ts";

const directory = process.argv[2] ?? "";
const cloud = await startLocalcloud({ directory });
process.once("SIGTERM", async () => {
  await cloud.close();
  process.exit(0);
});
process.send?.(cloud.env);
