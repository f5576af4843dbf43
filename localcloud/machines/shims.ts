/**
 * The programs a machine finds by name before anything of the host: those that would reach out of
 * the machine (power, packages, network, kernel) are ours. Small shell scripts, nothing but
 * builtins in them, so that they work whatever else the machine has.
 */

/** What `node` a booting machine finds. */
export type NodeSupply = "present" | "package" | "tarball";

export interface ShimOptions {
  /** The named pipe of the power switch. */
  readonly powerPath: string;
  /** Where `dnf` puts programs; on the machine's PATH. */
  readonly installedDirectory: string;
  /** The Node that stands in for every Node. */
  readonly nodePath: string;
  /** `curl` as a program for that Node. */
  readonly curlPath: string;
  readonly node: NodeSupply;
}

/** Names and texts of all shims. */
export function machineShims(options: ShimOptions): ReadonlyMap<string, string> {
  const shims = new Map<string, string>([
    ["shutdown", script(shutdown(options.powerPath))],
    ["dnf", script(dnf(options))],
    ["yum", script(dnf(options))],
    ["curl", script(`exec ${quote(options.nodePath)} ${quote(options.curlPath)} "$@"`)],
    ["systemctl", script(systemctl(options.powerPath))],
    ["sysctl", script(SYSCTL)],
  ]);
  for (const name of ["poweroff", "halt", "reboot"]) {
    shims.set(name, script(`echo 'poweroff 0' > ${quote(options.powerPath)}`));
  }
  for (const name of NO_OPERATION) shims.set(name, script("exit 0"));
  for (const name of REFUSED) {
    shims.set(name, script(`echo "${name}: not on a localcloud machine" >&2; exit 1`));
  }
  return shims;
}

/** A path as one word of a shell script. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Tell the kernel or the log something; a machine has neither. `sync` would flush all of the host. */
const NO_OPERATION: readonly string[] = [
  "sync",
  "udevadm",
  "modprobe",
  "ethtool",
  "logger",
  "wall",
  "blockdev",
  "swapoff",
];

/** Would change the host, or leave the machine's process group. */
const REFUSED: readonly string[] = [
  "sudo",
  "su",
  "mount",
  "umount",
  "mkfs",
  "setsid",
  "systemd-run",
  "init",
  "telinit",
  "kexec",
  "ip",
  "wget",
  "rpm",
];

/** `shutdown [-P|-h|-H|-r] [now|+N|N] [message]`, `shutdown -c`; as systemd's, one minute by default. */
function shutdown(powerPath: string): string {
  return `
power=${quote(powerPath)}
minutes=
for argument in "$@"; do
  case $argument in
    -c | --cancel) echo cancel > "$power"; exit 0 ;;
    -P | -h | -H | -r | -hP | -Ph | --poweroff | --halt | --reboot | --no-wall | -f) ;;
    -*) echo "shutdown: unrecognized option '$argument'" >&2; exit 1 ;;
    *)
      [ -z "$minutes" ] || continue
      case $argument in
        now) minutes=0 ;;
        +*) minutes=\${argument#+} ;;
        *) minutes=$argument ;;
      esac
      case $minutes in
        '' | *[!0-9]* | ??????*)
          echo "Failed to parse time specification: $argument" >&2
          exit 1
          ;;
      esac
      ;;
  esac
done
minutes=\${minutes:-1}
[ "$minutes" = 0 ] || echo "Shutdown scheduled in $minutes min, use 'shutdown -c' to cancel." >&2
echo "poweroff $minutes" > "$power"`;
}

function systemctl(powerPath: string): string {
  return `
for argument in "$@"; do
  case $argument in
    -*) ;;
    poweroff | halt | reboot) echo 'poweroff 0' > ${quote(powerPath)}; exit 0 ;;
    is-system-running) echo running; exit 0 ;;
    *) exit 0 ;;
  esac
done`;
}

/**
 * Installs what the distribution names `nodejs26` and `nodejs24`: a `node` and a `node-<major>`.
 * On a machine of the tarball way the repositories cannot be reached, as in a closed network.
 */
function dnf({ installedDirectory, nodePath, node }: ShimOptions): string {
  const unreachable =
    "echo \"Error: Failed to download metadata for repo 'amazonlinux': Cannot prepare internal " +
    'mirrorlist: Curl error (28): Timeout was reached" >&2; exit 1';
  return `
command= packages=
for argument in "$@"; do
  case $argument in
    -*) ;;
    *) if [ -z "$command" ]; then command=$argument; else packages="$packages $argument"; fi ;;
  esac
done
case $command in
  install | list | info | check-update | makecache) ;;
  '') echo 'usage: dnf [options] COMMAND' >&2; exit 1 ;;
  *) echo "No such command: $command. Please use dnf --help" >&2; exit 1 ;;
esac
${node === "tarball" ? unreachable : ""}
failed=
for package in $packages; do
  case $package in
    nodejs26 | nodejs24) ;;
    *) echo "No match for argument: $package"; failed="$failed $package" ;;
  esac
done
[ -z "$failed" ] || { echo "Error: Unable to find a match:$failed" >&2; exit 1; }
[ "$command" = install ] || exit 0
for package in $packages; do
  ln -sf ${quote(nodePath)} ${quote(installedDirectory)}/node-"\${package#nodejs}"
  ln -sf ${quote(nodePath)} ${quote(installedDirectory)}/node
  echo "Installed: $package"
done
echo 'Complete!'`;
}

/** Says what was set, sets nothing; what is asked for is a plausible 212992 (the kernel's rmem_max). */
const SYSCTL = `
for argument in "$@"; do
  case $argument in
    -*) ;;
    *=*) echo "\${argument%%=*} = \${argument#*=}" ;;
    *) echo "$argument = 212992" ;;
  esac
done`;

function script(body: string): string {
  return `#!/bin/sh\n${body.replace(/^\n/, "")}\n`;
}
