import { randomInt } from "node:crypto";
import { createServer } from "node:http";
import { closeServer } from "@hivematrix/lib/close_server";
import { listen, PortTakenError } from "@hivematrix/lib/serve";

/**
 * Makes sure that nobody else holds a service's port: that process would answer the health check,
 * and the service would pass for ready while it dies.
 *
 * @throws {PortTakenError} naming the process that holds it
 */
export async function requireFreePort(service: string, port: number): Promise<void> {
  const server = createServer();
  try {
    await listen(server, { port, hostname: "127.0.0.1", service });
  } catch (error) {
    // Whether this user may bind a low port is for the service to find out; Nexus has a way around.
    if (isTaken(error)) throw error;
    return;
  }
  await closeServer(server);
}

/** A port for a short time, from where systems take none for connections to elsewhere (32768 on). */
export async function findFreePort(service: string): Promise<number> {
  for (let triesLeft = 100; ; triesLeft--) {
    const port = randomInt(20_000, 32_000);
    try {
      await requireFreePort(service, port);
      return port;
    } catch (error) {
      if (triesLeft === 0) throw error;
    }
  }
}

function isTaken(error: unknown): boolean {
  const cause = error instanceof PortTakenError ? error.cause : undefined;
  return (cause as NodeJS.ErrnoException | undefined)?.code === "EADDRINUSE";
}
