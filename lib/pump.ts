import type { ServerResponse } from "node:http";

/** Writes the body as fast as the client reads; lets go of it when the client is gone. */
export async function pump(
  body: ReadableStream<Uint8Array>,
  outgoing: ServerResponse,
): Promise<void> {
  const reader = body.getReader();
  const letGo = () => void reader.cancel().catch(() => {});
  // Writing to whoever is gone is an error besides; "close" has said it all.
  outgoing.on("error", letGo);
  if (outgoing.destroyed) letGo();
  else outgoing.once("close", letGo);
  for (;;) {
    const { done, value } = await reader.read();
    if (outgoing.destroyed) return;
    if (done) break;
    if (!outgoing.write(value)) await drain(outgoing);
  }
  outgoing.end();
}

/** Until the client has read what was written, or is gone. */
async function drain(outgoing: ServerResponse): Promise<void> {
  await new Promise<void>((resolve) => {
    const settle = () => {
      outgoing.off("drain", settle);
      outgoing.off("close", settle);
      resolve();
    };
    outgoing.on("drain", settle);
    outgoing.on("close", settle);
  });
}
