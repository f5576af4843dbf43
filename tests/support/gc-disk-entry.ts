/** A disk thread in which the garbage collector runs all the time. */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import "./disk-entry.ts";

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");
setInterval(collect, 25).unref();
