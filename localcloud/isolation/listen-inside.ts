/**
 * A listening socket in another network namespace: a short-lived program is started there, listens,
 * and hands the socket over. A socket stays where it was made, whoever holds it, so that this
 * process serves it from where it is.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { Server } from "node:net";
import { fileURLToPath } from "node:url";
import { HOST_ENVIRONMENT, requireProgram } from "./host-programs.ts";

const PROGRAM = fileURLToPath(new URL("./hand-over-listener.ts", import.meta.url));

/** @param namespace - Path of the network namespace. */
export async function listenInside(
  namespace: string,
  address: string,
  port: number,
): Promise<Server> {
  const command = [`--net=${namespace}`, process.execPath, PROGRAM, address, String(port)];
  const child = spawn(requireProgram("nsenter"), command, {
    env: { ...HOST_ENVIRONMENT },
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const ended = once(child, "exit");
  const handedOver = once(child, "message");
  handedOver.catch(() => {});
  const [, server] = await Promise.race([handedOver, ended]);
  if (!(server instanceof Server)) {
    throw new Error(`cannot listen on ${address} port ${port} in a machine's namespace`);
  }
  child.disconnect();
  await ended;
  return server;
}
