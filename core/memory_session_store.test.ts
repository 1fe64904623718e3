import { MemorySessionStore } from "./memory_session_store.ts";
import { testSessionStore } from "./session_store_testing.ts";

testSessionStore("memory", async (_t, options) => new MemorySessionStore(options));
