/**
 * Security groups as nftables rules of a region's router. Outside of the machines, as on EC2: no
 * machine can change what is let through to it. As EC2 does, packets of a connection that was let
 * through once pass, whatever rule is revoked later; what is new must be admitted by the sender's
 * outbound rules and then by the receiver's inbound rules.
 */

/** One rule of one of a machine's groups; references to groups are resolved to addresses. */
export interface FirewallRule {
  readonly egress: boolean;
  /** `tcp`, `udp`, `icmp`, a number, or `-1` for everything. */
  readonly protocol: string;
  /** Of TCP and UDP: the ports. Of ICMP: type and code, -1 for all. */
  readonly fromPort: number;
  readonly toPort: number;
  readonly cidrs: readonly string[];
}

/** A machine at the router. */
export interface FirewalledPort {
  /** The router's end of the machine's cable. */
  readonly device: string;
  readonly address: string;
  readonly rules: readonly FirewallRule[];
}

/** What `nft -f -` takes: the whole table, exchanged at once. */
export function firewallRuleset(ports: readonly FirewalledPort[]): string {
  return [
    "table ip groups",
    "delete table ip groups",
    "table ip groups {",
    ...ports.flatMap((port) => [
      ...chain(`from-${port.device}`, port, true),
      ...chain(`to-${port.device}`, port, false),
    ]),
    ...verdictMap("from", ports),
    ...verdictMap("to", ports),
    // No machine speaks with another one's address: EC2's source check.
    "chain forged { type filter hook forward priority -10; policy accept",
    ...ports.map(({ device, address }) => `iifname "${device}" ip saddr != ${address} drop`),
    "}",
    ...base("outbound", 0, "iifname vmap @from"),
    ...base("inbound", 10, "oifname vmap @to"),
    // The router itself is nobody's to talk to.
    "chain router { type filter hook input priority 0; policy drop",
    "}",
    "}",
    "",
  ].join("\n");
}

function chain(name: string, port: FirewalledPort, egress: boolean): string[] {
  const rules = port.rules.filter((rule) => rule.egress === egress);
  return [`chain ${name} {`, ...rules.flatMap(statements), "drop", "}"];
}

function statements(rule: FirewallRule): string[] {
  const side = rule.egress ? "daddr" : "saddr";
  return rule.cidrs.map((cidr) => `ip ${side} ${cidr} ${protocolMatch(rule)} accept`);
}

function protocolMatch({ protocol, fromPort, toPort }: FirewallRule): string {
  switch (protocol) {
    case "-1":
      return "";
    case "tcp":
    case "udp":
      return `${protocol} dport ${Math.max(fromPort, 0)}-${toPort < 0 ? 65_535 : toPort}`;
    case "icmp":
      return `ip protocol icmp${fromPort < 0 ? "" : ` icmp type ${fromPort}`}`;
    default:
      return `ip protocol ${protocol}`;
  }
}

function base(name: string, priority: number, verdict: string): string[] {
  return [
    `chain ${name} { type filter hook forward priority ${priority}; policy accept`,
    "ct state established,related accept",
    verdict,
    "}",
  ];
}

/** From a device to its chain: a packet is looked at by one machine's rules, not by all. */
function verdictMap(name: "from" | "to", ports: readonly FirewalledPort[]): string[] {
  const elements = ports.map(({ device }) => `"${device}" : jump ${name}-${device}`);
  const filled = elements.length === 0 ? [] : [`elements = { ${elements.join(", ")} }`];
  return [`map ${name} { type ifname : verdict`, ...filled, "}"];
}
