import assert from "node:assert/strict";
import { test } from "node:test";
import { type FirewallRule, firewallRuleset } from "../../localcloud/isolation/firewall.ts";

const rule = (changes: Partial<FirewallRule>): FirewallRule => ({
  egress: false,
  protocol: "tcp",
  fromPort: 443,
  toPort: 443,
  cidrs: ["0.0.0.0/0"],
  ...changes,
});

/** The statements of one chain. */
function chainOf(ruleset: string, name: string): string[] {
  const lines = ruleset.split("\n");
  const start = lines.indexOf(`chain ${name} {`);
  return lines.slice(start + 1, lines.indexOf("}", start));
}

test("a machine without rules is closed both ways", () => {
  const ruleset = firewallRuleset([{ device: "m-16-4", address: "10.31.16.4", rules: [] }]);
  assert.deepEqual(chainOf(ruleset, "from-m-16-4"), ["drop"]);
  assert.deepEqual(chainOf(ruleset, "to-m-16-4"), ["drop"]);
  assert.match(ruleset, /iifname "m-16-4" ip saddr != 10\.31\.16\.4 drop/);
});

test("rules go out or come in by protocol, ports and addresses, and end in a drop", () => {
  const rules = [
    rule({ egress: true, protocol: "-1" }),
    rule({ cidrs: ["10.31.16.5/32", "10.31.16.6"] }),
    rule({ protocol: "udp", fromPort: 1000, toPort: 2000 }),
    rule({ protocol: "tcp", fromPort: -1, toPort: -1 }),
    rule({ protocol: "icmp", fromPort: 8, toPort: -1 }),
    rule({ protocol: "icmp", fromPort: -1, toPort: -1 }),
    rule({ protocol: "50" }),
    // A group without members, or an IPv6 range.
    rule({ cidrs: [] }),
  ];
  const ruleset = firewallRuleset([{ device: "m-0-4", address: "10.31.0.4", rules }]);
  assert.deepEqual(chainOf(ruleset, "from-m-0-4"), ["ip daddr 0.0.0.0/0  accept", "drop"]);
  assert.deepEqual(chainOf(ruleset, "to-m-0-4"), [
    "ip saddr 10.31.16.5/32 tcp dport 443-443 accept",
    "ip saddr 10.31.16.6 tcp dport 443-443 accept",
    "ip saddr 0.0.0.0/0 udp dport 1000-2000 accept",
    "ip saddr 0.0.0.0/0 tcp dport 0-65535 accept",
    "ip saddr 0.0.0.0/0 ip protocol icmp icmp type 8 accept",
    "ip saddr 0.0.0.0/0 ip protocol icmp accept",
    "ip saddr 0.0.0.0/0 ip protocol 50 accept",
    "drop",
  ]);
});

test("the whole table is exchanged at once, also when it becomes empty", () => {
  const ruleset = firewallRuleset([]);
  assert.ok(ruleset.startsWith("table ip groups\ndelete table ip groups\ntable ip groups {"));
  assert.doesNotMatch(ruleset, /elements/);
});
