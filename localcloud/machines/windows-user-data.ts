/**
 * What a Windows does with its user data, as far as it can be told here: EC2Launch runs the blocks
 * `<script>` and `<powershell>` once, and of what may be in them the one command that a program
 * must be able to rely on is the shutdown at a set time. A `#!` script is nothing to it. [UG23
 * ec2-windows-user-data]
 */

const BLOCK = /<(script|powershell)>([\s\S]*?)<\/\1>/gi;
const SHUTDOWN = /(?:^|[\s;&])shutdown(?:\.exe)?\s+\/s\s+(?:\/f\s+)?\/t\s+(\d{1,9})\b/im;

/** @returns A script with the same effect for the machines of localcloud; empty when it has none. */
export function translateWindowsUserData(userData: Buffer): Buffer {
  const blocks = [...userData.toString("utf8").matchAll(BLOCK)].map(([, , body = ""]) => body);
  const [, seconds] = SHUTDOWN.exec(blocks.join("\n")) ?? [];
  if (seconds === undefined) return Buffer.alloc(0);
  return Buffer.from(`#!/bin/sh\nsleep ${seconds}\nshutdown -P now\n`);
}
