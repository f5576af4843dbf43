/**
 * The disk that virtual machines boot: Debian from its own packages (no image is downloaded), with
 * cloud-init as on EC2, the udev rule that names NVMe disks by their controllers' record, and this
 * Node. Made once (about two minutes) and kept in the cache by a hash of this recipe.
 */

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

const SUITE = "bookworm";
const MIRROR = "http://deb.debian.org/debian";
const PACKAGES: readonly string[] = [
  ...["systemd-sysv", "udev", "dbus", "cloud-init", "iproute2", "kmod", "ca-certificates"],
  // Node needs the last one.
  ...["linux-image-cloud-amd64", "libatomic1"],
];
const LEFT_OUT: readonly string[] = ["/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*"];

/** Of the disk; QCOW2 overlays over it are as large as a volume. */
const SIZE_MIB = 1600;
const SECTOR_BYTES = 512;
const PARTITION_START = 2048;
/** Of the MBR; the kernel finds its root by it, since NVMe numbers are not promised. */
const DISK_ID = 0xa41c0b01;

export const ROOT_DEVICE = `PARTUUID=${DISK_ID.toString(16)}-01`;

const FILES: Readonly<Record<string, string>> = {
  "etc/machine-id": "",
  "etc/fstab": "LABEL=root / ext4 defaults 0 1\n",
  // EC2's source only, and of cloud-init's stages what a user-data script needs.
  "etc/cloud/cloud.cfg.d/99-amicopy.cfg": `datasource_list: [ Ec2 ]
datasource: { Ec2: { metadata_urls: [ 'http://169.254.169.254' ] } }
system_info: { network: { renderers: [ networkd ] } }
cloud_init_modules: [ bootcmd, write-files, set_hostname ]
cloud_config_modules: []
cloud_final_modules: [ scripts-user ]
`,
  // cloud-init restarts it after it has written the network's configuration, and waits half a minute
  // when it is not there.
  "etc/systemd/system/systemd-resolved.service":
    "[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n",
  // Slow to load under emulation, and of no use.
  "etc/modprobe.d/amicopy.conf": ["kvm", "kvm_intel", "kvm_amd", "aesni_intel", "psmouse", "floppy"]
    .map((name) => `blacklist ${name}\n`)
    .join(""),
  // Amazon Linux's rule, and in place of its program one that reads the record which QEMU can set:
  // the subsystem's name, not the vendor's bytes.
  "etc/udev/rules.d/70-ec2-nvme-devices.rules":
    'SUBSYSTEM=="block", ENV{DEVTYPE}=="disk", KERNEL=="nvme[0-9]*n[0-9]*", ' +
    'PROGRAM="/usr/local/sbin/ebsnvme-id %k", SYMLINK+="%c"\n',
  "usr/local/sbin/ebsnvme-id": `#!/bin/sh
name=$(cat "/sys/block/$1/device/subsysnqn")
case $name in nqn.2019-08.org.qemu:dev-*) echo "\${name#nqn.2019-08.org.qemu:dev-}" ;; *) exit 1 ;; esac
`,
};

/** What is on without being asked for: a network, and nothing that wakes up by itself. */
const LINKS: Readonly<Record<string, string>> = {
  "multi-user.target.wants/systemd-networkd.service":
    "/lib/systemd/system/systemd-networkd.service",
  "network-online.target.wants/systemd-networkd-wait-online.service":
    "/lib/systemd/system/systemd-networkd-wait-online.service",
  "apt-daily.timer": "/dev/null",
  "apt-daily-upgrade.timer": "/dev/null",
  "e2scrub_all.timer": "/dev/null",
  "dpkg-db-backup.timer": "/dev/null",
  "cloud-config.service": "/dev/null",
};

export interface RootImage {
  /** Raw, to be written over a copy only. */
  readonly disk: string;
  readonly kernel: string;
}

/** From the cache, or made now. @param say - Told what takes its time. */
export async function rootImage(say: (what: string) => void): Promise<RootImage> {
  const recipe = createHash("sha256").update(readFileSync(import.meta.filename));
  const name = `vm-${recipe.update(process.version).digest("hex").slice(0, 12)}`;
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
  const directory = join(cache, "amicopy", name);
  if (!existsSync(directory)) {
    say(`making the root disk from Debian ${SUITE}'s packages, once`);
    mkdirSync(dirname(directory), { recursive: true });
    const temporary = mkdtempSync(`${directory}-`);
    try {
      await make(temporary);
      renameSync(temporary, directory);
    } finally {
      rmSync(temporary, { recursive: true, force: true });
    }
  }
  return { disk: join(directory, "root.raw"), kernel: join(directory, "vmlinuz") };
}

async function make(directory: string): Promise<void> {
  const tree = join(directory, "tree");
  await run("mmdebstrap", [
    "--mode=root",
    "--variant=minbase",
    `--include=${PACKAGES.join(",")}`,
    ...LEFT_OUT.map((path) => `--dpkgopt=path-exclude=${path}`),
    ...[SUITE, tree, MIRROR],
  ]);
  for (const [path, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), text);
  }
  chmodSync(join(tree, "usr/local/sbin/ebsnvme-id"), 0o755);
  for (const [name, target] of Object.entries(LINKS)) {
    const path = join(tree, "etc/systemd/system", name);
    mkdirSync(dirname(path), { recursive: true });
    rmSync(path, { force: true });
    symlinkSync(target, path);
  }
  copyFileSync(process.execPath, join(tree, "usr/local/bin/node"));
  const [kernel] = globSync(join(tree, "boot/vmlinuz-*"));
  if (kernel === undefined) throw new Error("the packages have no kernel");
  copyFileSync(kernel, join(directory, "vmlinuz"));
  await makeDisk(tree, join(directory, "root.raw"));
  rmSync(tree, { recursive: true });
}

/** One partition from 1 MiB on, as an AMI has it, and no boot loader: the kernel comes from outside. */
async function makeDisk(tree: string, path: string): Promise<void> {
  const file = await open(path, "w");
  await file.truncate(SIZE_MIB * 2 ** 20);
  await file.close();
  const offset = PARTITION_START * SECTOR_BYTES;
  const options = ["-q", "-L", "root", "-E", `offset=${offset},nodiscard`, "-d", tree];
  await run("mkfs.ext4", [...options, path, `${(SIZE_MIB - 2) * 1024}k`]);
  const record = Buffer.alloc(SECTOR_BYTES);
  record.writeUInt32LE(DISK_ID, 440);
  record.set([0x80, 0, 2, 0, 0x83, 0, 0, 0], 446);
  record.writeUInt32LE(PARTITION_START, 454);
  record.writeUInt32LE(((SIZE_MIB - 2) * 2 ** 20) / SECTOR_BYTES, 458);
  record.set([0x55, 0xaa], 510);
  const disk = await open(path, "r+");
  await disk.write(record, 0, record.length, 0);
  await disk.close();
}
