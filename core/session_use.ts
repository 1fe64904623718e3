import type { Log } from "@hivematrix/lib/log";
import type { SessionStore } from "./session_store.ts";

/**
 * Notes which sessions are in use, as the gateways report it. Reports that come while one is being
 * written are written together after it.
 */
export function createUseNoting(sessions: SessionStore, log: Log): (hashes: string[]) => void {
  const waiting = new Set<string>();
  let isWriting = false;
  const write = async () => {
    if (isWriting) return;
    isWriting = true;
    while (waiting.size > 0) {
      const hashes = [...waiting];
      waiting.clear();
      try {
        await sessions.noteUse(hashes);
      } catch (error) {
        // Lost reports are repeated: whoever is active is reported again in a second.
        log.warn("the use of sessions cannot be noted at the moment", { error });
      }
    }
    isWriting = false;
  };
  return (hashes) => {
    for (const hash of hashes) waiting.add(hash);
    void write();
  };
}
