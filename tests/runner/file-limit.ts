/**
 * Loaded into the process of every test file. The test runner limits tests, but a file whose tests
 * have ended stays for as long as something keeps its event loop alive.
 */

/** Ours: the slowest file, with a dozen `pulumi up`, takes half of it on two busy cores. */
const FILE_LIMIT_MS = 10 * 60_000;

setTimeout(() => {
  const kept = process.getActiveResourcesInfo().join(", ");
  console.error(`Ended after ${FILE_LIMIT_MS / 60_000} minutes; still open: ${kept}`);
  process.exit(1);
}, FILE_LIMIT_MS).unref();
