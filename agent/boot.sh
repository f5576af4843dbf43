#!/bin/sh
# User data of a helper. The build puts the agent's packed bundle in place of @AGENT@ and drops comments;
# the controller puts the job description in place of @JOB@ and compresses the whole.
#
# In order: dead-man switch, a Node (present, the distribution's package, a tarball with the right
# digest), the agent. Whatever fails is said in one line, the machine is turned off a minute later
# (the console needs a moment to be read), and turned off means terminated.
# No absolute paths: where this runs is not always a machine of its own.
set -eu
umask 077

say() { printf '\namicopy: %s\n' "$1"; }

# The same line as the agent's `failed`, with gzip's CRC-32; see agent/contract.ts. Three times, since
# the kernel may tear one apart.
fail() {
  trap - EXIT
  body="999999999 {\"type\":\"failed\",\"code\":\"boot\",\"message\":\"$1\"}"
  crc=$(printf %s "$body" | gzip -c | tail -c 8 | od -An -tx4 -N4 | tr -d ' ') || :
  for again in 1 2 3; do printf '\namicopy1 %s %s\n' "$body" "$crc"; done
  shutdown -P +1 || shutdown -P now
  exit 2
}
trap 'fail "the boot script ended with code $?"' EXIT

job=$(cat <<'END'
@JOB@
END
)
# Prints the text of one field of the job, or nothing.
field() { printf %s "$job" | sed -n "s/.*\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/p"; }

# A job without a sensible timeout is refused by the agent; until then, an hour.
timeout_ms=$(field timeoutMs)
case $timeout_ms in '' | *[!0-9]* | ?????????????*) timeout_ms=3600000 ;; esac
shutdown -P "+$(((timeout_ms + 59999) / 60000 + 3))"

find_node() {
  for node in node node-26 node-24 node-22 ./node; do
    "$node" -e 'const [a,b]=process.versions.node.split(".");process.exit(a>22||a==22&&b>17?0:1)' \
      >/dev/null 2>&1 && return
  done
  return 1
}

install_package() {
  for package in nodejs26 nodejs24; do
    say "installing $package"
    timeout 600 dnf install -y -q "$package" && find_node && return
  done
  return 1
}

# A wrong digest ends it all: somebody changed what we are about to run as root.
install_archive() {
  archive=$(field "$(uname -m)")
  url=${archive#* }
  [ -n "$archive" ] || return 1
  say "fetching $url"
  timeout 900 curl -fsSL --retry 3 --connect-timeout 20 -o node.tgz "$url" || return 1
  printf '%s  node.tgz\n' "${archive%% *}" | sha256sum -c - || fail "SHA-256 of $url is wrong: refused"
  tar -xzf node.tgz --wildcards --strip-components=2 '*/bin/node' && rm node.tgz && find_node
}

# Unpacks the agent from standard input and runs it. What it says itself is not said again.
run_agent() {
  "$node" -e 'process.stdout.write(zlib.brotliDecompressSync(Buffer.from(fs.readFileSync(0,"latin1"),"base64")))' >agent.mjs
  code=0
  "$node" --max-semi-space-size=4 --no-parallel-scavenge agent.mjs "$job" || code=$?
  trap - EXIT
  case $code in 0 | [2-5][0-9]) ;; *) fail "the agent died with code $code" ;; esac
}

cd "$(mktemp -d)"
find_node || install_archive || install_package ||
  fail "no Node 22.18 or later, no package of one, no archive for $(uname -m)"

# Base64 of Brotli, which beats gzip by a tenth; last, so that all text before it packs as one.
run_agent <<'END'
@AGENT@
END
