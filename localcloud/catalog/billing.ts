/**
 * What a system is billed as. Nobody can set it on an image: it comes with the snapshot, volume or
 * instance that the image is made of, and is lost when only the bytes are carried over.
 */

/** Of the Marketplace, or of Amazon DevPay. */
export interface ProductCode {
  readonly id: string;
  readonly type: "marketplace" | "devpay";
}

export interface Billing {
  readonly platformDetails: string;
  readonly usageOperation: string;
  readonly productCodes: readonly ProductCode[];
}

/** [UG billing-info-fields] */
export const PLATFORM_BY_USAGE: Readonly<Record<string, string>> = {
  RunInstances: "Linux/UNIX",
  "RunInstances:0100": "Linux with SQL Server Enterprise",
  "RunInstances:0004": "Linux with SQL Server Standard",
  "RunInstances:0200": "Linux with SQL Server Web",
  "RunInstances:00g0": "Red Hat BYOL Linux",
  "RunInstances:0010": "Red Hat Enterprise Linux",
  "RunInstances:1010": "Red Hat Enterprise Linux with HA",
  "RunInstances:1014": "Red Hat Enterprise Linux with SQL Server Standard and HA",
  "RunInstances:1110": "Red Hat Enterprise Linux with SQL Server Enterprise and HA",
  "RunInstances:0014": "Red Hat Enterprise Linux with SQL Server Standard",
  "RunInstances:0210": "Red Hat Enterprise Linux with SQL Server Web",
  "RunInstances:0110": "Red Hat Enterprise Linux with SQL Server Enterprise",
  "RunInstances:000g": "SUSE Linux",
  "RunInstances:0g00": "Ubuntu Pro",
  "RunInstances:0002": "Windows",
  "RunInstances:0800": "Windows BYOL",
  "RunInstances:0102": "Windows with SQL Server Enterprise",
  "RunInstances:0006": "Windows with SQL Server Standard",
  "RunInstances:0202": "Windows with SQL Server Web",
};

export const PLAIN_LINUX: Billing = {
  platformDetails: "Linux/UNIX",
  usageOperation: "RunInstances",
  productCodes: [],
};

/** @throws Error for a usage operation that there is not. */
export function billingOf(
  usageOperation: string,
  productCodes: readonly ProductCode[] = [],
): Billing {
  const platformDetails = PLATFORM_BY_USAGE[usageOperation];
  if (platformDetails === undefined) throw new Error(`no usage operation ${usageOperation}`);
  return { platformDetails, usageOperation, productCodes };
}

/** What `Platform` is then; otherwise it is absent. The SDK's enumeration has a capital W. [SDK Image] */
export const WINDOWS_PLATFORM = "windows" as "Windows";

export function isWindows(billing: Billing): boolean {
  return billing.platformDetails.startsWith("Windows");
}

/** Product codes add up: from each volume to the instance and from each snapshot to the image. */
export function withProductCodes(
  billing: Billing,
  more: readonly (Billing | undefined)[],
): Billing {
  const codes = new Map(
    [billing, ...more].flatMap((one) => one?.productCodes ?? []).map((code) => [code.id, code]),
  );
  return { ...billing, productCodes: [...codes.values()] };
}

/** As the describe calls show them. */
export function shownProductCodes(billing: Billing) {
  return billing.productCodes.map(({ id, type }) => ({
    ProductCodeId: id,
    ProductCodeType: type,
  }));
}
