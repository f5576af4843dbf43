/** The agent of the destination's helper: it receives. */

import { receiver } from "../tsunami/sealed/receiver.ts";
import { startAgent } from "./start-agent.ts";

await startAgent(receiver, new URL(import.meta.url));
