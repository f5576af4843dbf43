/** The program of listen-inside.ts: `ADDRESS PORT`, a channel to its parent. Ends with that. */

import { createServer } from "node:net";

const [address, port] = process.argv.slice(2);
// Nobody is answered here: who connects meanwhile waits for the new holder.
const server = createServer({ pauseOnConnect: true });
server.listen(Number(port), address, () => process.send?.("listening", server));
process.on("disconnect", () => process.exit());
