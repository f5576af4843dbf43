/**
 * An instance as a real machine under QEMU, in place of localcloud's process group: it has a kernel,
 * systemd, udev and cloud-init, NVMe disks with EBS's serial numbers, its console on a serial line,
 * its address by DHCP, its metadata service at 169.254.169.254, and it ends by shutting down.
 *
 *   guest eth0 ── tap0  namespace  eth0 ══ the region's router, with the security groups
 */

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { requireProgram } from "../../localcloud/isolation/host-programs.ts";
import type { BootIsolated } from "../../localcloud/isolation/isolation.ts";
import { listenInside } from "../../localcloud/isolation/listen-inside.ts";
import { keepNamespaces } from "../../localcloud/isolation/namespace-keeper.ts";
import type { PlacedMachineSpec } from "../../localcloud/machinery.ts";
import { CONSOLE_RING_BYTES } from "../../localcloud/machines/limits.ts";
import type { Machine } from "../../localcloud/machines/machine.ts";
import { startMetadataService } from "../../localcloud/machines/metadata-service.ts";
import { macAddress, metadataTree } from "../../localcloud/machines/metadata-tree.ts";
import { type ProcessGroup, startProcessGroup } from "../../localcloud/machines/process-group.ts";
import { quote } from "../../localcloud/machines/shims.ts";
import { ROOT_DEVICE, type RootImage } from "./root-image.ts";

const MEMORY_MIB = 1024;
/** No word of clocks: an emulated TSC, calibrated on a busy host and believed, ran 18 times too fast. */
const KERNEL_LINE = `console=ttyS0,115200 root=${ROOT_DEVICE} rootfstype=ext4 rw net.ifnames=0 mitigations=off`;

/** Undone in the other order, whatever of it fails. */
type Undo = (() => Promise<void>)[];

/** @param onConsole - Is given what a machine writes. */
export function virtualMachines(
  image: RootImage,
  onConsole: (instanceId: string, text: string) => void,
): BootIsolated {
  return async (spec, network) => {
    const { instanceId, directory, address, rules } = spec;
    const undo: Undo = [];
    let stopping: Promise<void> | undefined;
    const stop = (): Promise<void> => {
      stopping ??= takeDown(undo);
      return stopping;
    };
    const screen = { text: "" };
    try {
      await mkdir(directory, { recursive: true });
      const root = join(directory, "root.qcow2");
      undo.push(() => rm(root, { force: true }));
      await promisify(execFile)("qemu-img", [
        ...["create", "-q", "-f", "qcow2", "-b", image.disk, "-F", "raw", root, "8G"],
      ]);
      const keeper = await keepNamespaces(["net"], networkLines(address));
      undo.push(() => keeper.close());
      undo.push(() => network.disconnect(address));
      const { net, pid } = keeper;
      await network.connect({ address, net, pid, rules, behind: "tap0" });
      const listener = await listenInside(net, "169.254.169.254", 80);
      const metadata = await startMetadataService(listener, () => treeOf(spec));
      undo.push(() => metadata.close());
      const programs = await startProcessGroup({
        command: ["/bin/sh", "-c", `${dnsmasq(address)} &\nexec ${qemu(spec, image, root)}`],
        cwd: directory,
        env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LOCALCLOUD_MACHINE: directory },
        enter: [requireProgram("nsenter"), `--net=${net}`],
        onOutput: (chunk) => {
          const text = chunk.toString("latin1");
          screen.text = (screen.text + text).slice(-CONSOLE_RING_BYTES);
          onConsole(instanceId, text);
        },
        // QEMU ends when its guest has powered off.
        onExit: () => void stop().then(spec.onShutdown, spec.onShutdown),
      });
      undo.push(() => programs.end());
      return machine(programs, screen, stop);
    } catch (error) {
      await stop();
      throw new Error(`virtual machine ${instanceId} could not boot`, { cause: error });
    }
  };
}

function machine(
  programs: ProcessGroup,
  screen: { text: string },
  stop: () => Promise<void>,
): Machine {
  const refuse = async (): Promise<void> => {
    throw new Error("a virtual machine of this kind has the disks it was launched with");
  };
  return {
    ...programs,
    metadataEndpoint: "http://169.254.169.254",
    attachDisk: refuse,
    detachDisk: refuse,
    consoleText: () => screen.text,
    writeConsole: (chunk) => {
      screen.text += chunk.toString("latin1");
    },
    stop,
  };
}

async function takeDown(undo: Undo): Promise<void> {
  for (let step = undo.pop(); step !== undefined; step = undo.pop()) {
    try {
      await step();
    } catch (error) {
      console.error("a virtual machine:", error);
    }
  }
}

function treeOf(spec: PlacedMachineSpec) {
  return metadataTree(spec.metadata(), {
    userData: spec.userData,
    deviceNames: spec.disks.map(({ deviceName }) => deviceName),
    launchedAt: "2026-11-24T00:00:00Z",
  });
}

/** The first address of the subnet is its router's, as on EC2. */
function gatewayOf(address: string): string {
  const [first, second, third = ""] = address.split(".");
  return `${first}.${second}.${Number(third) & 0xf0}.1`;
}

function networkLines(address: string): string[] {
  return [
    "ip link set lo up",
    "ip address add 169.254.169.254/32 dev lo",
    "ip tuntap add tap0 mode tap vnet_hdr",
    // For DHCP's sake; what is in the subnet is not behind the tap.
    `ip address add ${gatewayOf(address)}/20 dev tap0 noprefixroute`,
    "ip link set tap0 up",
  ];
}

function dnsmasq(address: string): string {
  return [
    "dnsmasq --keep-in-foreground --conf-file=/dev/null --port=0 --user=root --pid-file=",
    "--log-facility=/dev/null --leasefile-ro --interface=tap0 --bind-interfaces --no-ping",
    `--dhcp-range=${address},${address},255.255.240.0,1h --dhcp-authoritative`,
    `--dhcp-option=3,${gatewayOf(address)}`,
  ].join(" ");
}

function qemu(spec: PlacedMachineSpec, image: RootImage, root: string): string {
  const words = [
    ...["qemu-system-x86_64", "-M", "pc", ...acceleration()],
    ...["-smp", "1", "-m", String(MEMORY_MIB), "-nodefaults", "-no-user-config", "-no-reboot"],
    ...["-display", "none", "-serial", "stdio", "-kernel", image.kernel, "-append", KERNEL_LINE],
    ...firmware(spec.instanceId),
    ...["-netdev", "tap,id=net,ifname=tap0,script=no,downscript=no"],
    ...["-device", `virtio-net-pci,netdev=net,mac=${macAddress(spec.address)},romfile=`],
    ...nvme({ id: "root", file: root, format: "qcow2", serial: serialOf(spec.instanceId) }),
    ...spec.disks
      .filter(({ deviceName }) => deviceName !== "/dev/xvda")
      .flatMap(({ deviceName, path }) => {
        const name = basename(deviceName);
        return nvme({
          id: name,
          file: path,
          format: "raw",
          serial: serialOf(basename(path)),
          name,
        });
      }),
  ];
  return words.map(quote).join(" ");
}

interface Disk {
  readonly id: string;
  readonly file: string;
  readonly format: string;
  readonly serial: string;
  /** As launched; stands in the controller's record. */
  readonly name?: string;
}

function nvme({ id, file, format, serial, name }: Disk): string[] {
  const escaped = file.replaceAll(",", ",,");
  return [
    ...["-drive", `if=none,id=drive-${id},file=${escaped},format=${format},cache=unsafe`],
    ...["-device", `nvme-subsys,id=subsys-${id},nqn=${name === undefined ? id : `dev-${name}`}`],
    ...["-device", `nvme,id=nvme-${id},serial=${serial},subsys=subsys-${id}`],
    ...["-device", `nvme-ns,drive=drive-${id},bus=nvme-${id},nsid=1`],
  ];
}

/** `vol-0123456789abcdef0` is on the controller as `vol0123456789abcdef0`, 20 characters. */
function serialOf(id: string): string {
  return id.replace("-", "").slice(0, 20);
}

/** By this cloud-init knows EC2: the vendor, and a UUID that begins with `ec2` and is the serial too. */
function firmware(instanceId: string): string[] {
  const hex = createHash("sha256").update(instanceId).digest("hex");
  const [a, b, c, d] = [hex.slice(0, 5), hex.slice(5, 9), hex.slice(9, 13), hex.slice(13, 17)];
  const uuid = `ec2${a}-${b}-${c}-${d}-${hex.slice(17, 29)}`;
  return [
    ...["-smbios", "type=0,vendor=Amazon EC2"],
    ...["-smbios", `type=1,manufacturer=Amazon EC2,product=c7i.large,uuid=${uuid},serial=${uuid}`],
    ...["-smbios", "type=3,asset=Amazon EC2"],
  ];
}

/** A /dev/kvm alone is not enough: one without the processor's own help runs no ordinary kernel. */
function acceleration(): string[] {
  if (/^flags\s*:.*\b(?:vmx|svm)\b/m.test(readFileSync("/proc/cpuinfo", "latin1"))) {
    return ["-accel", "kvm", "-cpu", "host"];
  }
  return ["-accel", "tcg,thread=multi,tb-size=256", "-cpu", "Nehalem"];
}
