/** scp and rsync over ssh, from Debian's packages, with keys and a server of their own. */

import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Side } from "../link/side.ts";
import type { PeerName } from "../points.ts";
import { endOrLimit, failed, type Peer, type PeerContext, type PeerOutcome } from "./peer.ts";

const PORT = "2222";

export const sshCopies: readonly Peer[] = (["scp", "rsync"] as const).flatMap((program) =>
  (["bbr", "cubic"] as const).map((congestion): Peer => {
    const name: PeerName = `${program}-${congestion}`;
    return { name, congestion, run: (context) => copy(program, context) };
  }),
);

async function copy(program: "scp" | "rsync", context: PeerContext): Promise<PeerOutcome> {
  const { content, destination, addressB, startA } = context;
  const options = await makeKeys(context);
  const server = await startServer(context);
  const ssh = ["-F", "none", ...options.flatMap((option) => ["-o", option])];
  const target = `root@${addressB}:${destination}/`;
  // rsync: whole file, in place, as an empty destination needs; holes kept, which helps with an image.
  const command =
    program === "scp"
      ? ["scp", "-q", ...ssh, "-P", PORT, content.path, target]
      : [
          "rsync",
          "-W",
          "-S",
          "--inplace",
          "-e",
          ["ssh", ...ssh, "-p", PORT].join(" "),
          content.path,
          target,
        ];
  const client = startA(...command);
  const { result, inTime, wallMs, bytesAtLimit } = await endOrLimit(client, context);
  const { usage: receiver } = await server.end();
  const complete = inTime && result.usage.status === 0;
  if (inTime && !complete) throw failed(program, result);
  const bytesMoved = complete ? content.sizeBytes : bytesAtLimit;
  return { wallMs, bytesMoved, complete, proved: false, sender: result.usage, receiver };
}

async function makeKeys({ scratch }: PeerContext): Promise<string[]> {
  for (const name of ["host", "user"]) {
    const key = ["-q", "-t", "ed25519", "-N", "", "-f", join(scratch, name)];
    await promisify(execFile)("ssh-keygen", key);
  }
  return [
    `IdentityFile=${join(scratch, "user")}`,
    "IdentitiesOnly=yes",
    "StrictHostKeyChecking=no",
    "UserKnownHostsFile=/dev/null",
    "LogLevel=ERROR",
    "Compression=no",
  ];
}

async function startServer({ scratch, addressB, startB }: PeerContext): Promise<Side> {
  const configuration = join(scratch, "sshd_config");
  const lines = [
    `ListenAddress ${addressB}`,
    `Port ${PORT}`,
    `HostKey ${join(scratch, "host")}`,
    `AuthorizedKeysFile ${join(scratch, "user.pub")}`,
    "PermitRootLogin prohibit-password",
    "StrictModes no",
    "UsePAM no",
    "PidFile none",
    "Subsystem sftp internal-sftp",
  ];
  await writeFile(configuration, `${lines.join("\n")}\n`);
  await mkdir("/run/sshd", { recursive: true });
  const server = startB("/usr/sbin/sshd", "-D", "-e", "-f", configuration);
  await server.waitFor(/listening on/);
  return server;
}
