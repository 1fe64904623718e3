import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { HttpError } from "@hivematrix/lib/http_error";
import type { Log } from "@hivematrix/lib/log";
import { listen } from "@hivematrix/lib/serve";
import { readTarget, requireOneHost } from "./canonical_target.ts";
import { createIsTrusted } from "./client_address.ts";
import { limitConnections } from "./connection_limit.ts";
import { requireSmallHead } from "./head_limits.ts";
import { defaultLimits } from "./limits.ts";
import type { StartSettings } from "./nexus_settings.ts";

/** Nothing here takes long, and nobody who is slow about it is worth waiting for. */
const timeoutMs = 10_000;

type RedirectSettings = Pick<StartSettings, "NEXUS_SERVICE_URL" | "limits">;

/**
 * Plain HTTP beside TLS: leads to the same page of the public address and does nothing else, without
 * a session and without an upstream.
 *
 * 308 and not 301: browsers may make a GET of a POST that a 301 answers (RFC 9110 §15.4.2). No HSTS,
 * which counts over TLS only (RFC 6797 §7.2).
 */
export function createRedirectServer({ NEXUS_SERVICE_URL, limits }: RedirectSettings): Server {
  const publicOrigin = new URL(NEXUS_SERVICE_URL);
  const known = limits ?? defaultLimits;
  const answer = (incoming: IncomingMessage): [status: number, location?: string] => {
    try {
      requireSmallHead(incoming, known);
      requireOneHost(incoming);
      const { url = "/", headers, method } = incoming;
      // The scheme and the host stand fixed: no request can lead elsewhere (open redirect).
      const { path, query } = readTarget(url, headers.host ?? "");
      if (hostnameOf(headers.host) !== publicOrigin.hostname) return [421];
      if (method === "TRACE" || method === "CONNECT") return [405];
      return [308, `${publicOrigin.origin}${path}${query}`];
    } catch (error) {
      return [error instanceof HttpError ? error.status : 500];
    }
  };
  const server = createServer(
    {
      maxHeaderSize: known.header_bytes,
      headersTimeout: timeoutMs,
      requestTimeout: timeoutMs,
      connectionsCheckingInterval: timeoutMs / 4,
    },
    (incoming: IncomingMessage, outgoing: ServerResponse) => {
      const [status, location] = answer(incoming);
      outgoing.writeHead(status, {
        ...(location !== undefined && { location }),
        "content-length": "0",
        "x-content-type-options": "nosniff",
        // What else was sent is read by nobody.
        connection: "close",
      });
      outgoing.end();
    },
  );
  server.timeout = timeoutMs;
  server.maxHeadersCount = 0;
  return server;
}

/** Without the port, which behind a forwarded one is another than the listener's. */
function hostnameOf(host = ""): string {
  return host.replace(/:\d*$/, "").toLowerCase();
}

/**
 * Listens for plain HTTP where the settings ask for it. That it cannot is no reason not to serve.
 *
 * @param say what has come of it; among several processes one does
 */
export async function listenForRedirects(
  settings: StartSettings,
  log: Log,
  say: Log = log,
): Promise<Server | undefined> {
  const { redirectPort: port, bindAddress, limits = defaultLimits, trustedProxies = [] } = settings;
  if (port === 0) return undefined;
  const server = createRedirectServer(settings);
  const isExempt = createIsTrusted(trustedProxies);
  limitConnections(server, limits.connections_per_address, { log, isExempt });
  try {
    await listen(server, { port, hostname: bindAddress, service: "nexus" });
  } catch (error) {
    say.warn("plain HTTP is not redirected", { reason: reasonOf(error, port), remedy });
    return undefined;
  }
  say.info("redirecting plain HTTP", { port, to: settings.NEXUS_SERVICE_URL });
  return server;
}

const remedy =
  'choose another port with "helm config set apps.nexus.redirect_port <port>", or 0 for none';

function reasonOf(error: unknown, port: number): string {
  const { message, cause } = error as Error;
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  if (code === "EACCES") return `port ${port} may not be bound by this user`;
  return code === "EADDRINUSE" ? `port ${port} is taken` : message;
}
