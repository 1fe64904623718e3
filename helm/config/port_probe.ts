import { createServer } from "node:net";
import { findPortHolder } from "@hivematrix/lib/port_holder";
import { isBlockedPort } from "./blocked_ports.ts";

export type PortState = "free" | "taken" | "forbidden";

/** Whether this process could listen there now. */
export async function probePort(port: number, host = "127.0.0.1"): Promise<PortState> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ port, host, exclusive: true }, resolve);
    });
    return "free";
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EADDRINUSE") return "taken";
    if (code === "EACCES") return "forbidden";
    throw new Error(`Cannot listen on ${host}:${port}: ${(error as Error).message}`, {
      cause: error,
    });
  } finally {
    server.close();
  }
}

/** The first free port from `first` on that everybody can open. */
export async function nextFreePort(first: number): Promise<number> {
  for (let port = first; port <= 65_535; port++) {
    if (!isBlockedPort(port) && (await probePort(port)) === "free") return port;
  }
  throw new Error(`Cannot find a free port from ${first} on`);
}

/** "process 4711 (nginx)", or as much as this user may know. */
export async function describePortHolder(port: number): Promise<string> {
  const holder = await findPortHolder(port);
  return holder === undefined
    ? "another process"
    : `process ${holder.pid} (${holder.command || "?"})`;
}
