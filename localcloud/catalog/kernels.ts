/**
 * Kernels for paravirtual images: PV-GRUB 1.04 (hd0, x86_64) in each region that ever had
 * paravirtual instances. Regions made since 2016 have none. [UG23 UserProvidedKernels]
 */
const KERNEL_BY_REGION: Readonly<Record<string, string>> = {
  "us-east-1": "aki-919dcaf8",
  "us-west-1": "aki-880531cd",
  "us-west-2": "aki-fc8f11cc",
  "eu-central-1": "aki-184c7a05",
  "eu-west-1": "aki-52a34525",
  "ap-northeast-1": "aki-176bf516",
  "us-gov-west-1": "aki-1de98d3e",
  "cn-north-1": "aki-9e8f1da7",
};

export function hasKernel(regionName: string, id: string): boolean {
  return KERNEL_BY_REGION[regionName] === id;
}
