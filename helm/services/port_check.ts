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

function isTaken(error: unknown): boolean {
  const cause = error instanceof PortTakenError ? error.cause : undefined;
  return (cause as NodeJS.ErrnoException | undefined)?.code === "EADDRINUSE";
}
