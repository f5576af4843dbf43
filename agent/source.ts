/** The agent of the source's helper: it sends. */

import { sender } from "../tsunami/sealed/sender.ts";
import { startAgent } from "./start-agent.ts";

await startAgent(sender, new URL(import.meta.url));
