import { createServer as createHttpServer, type RequestListener, type Server } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { Server as TlsServer } from "node:tls";
import { SettingsError } from "@hivematrix/lib/settings";
import { serveHttp2 } from "./http2_server.ts";
import { defaultLimits, type NexusLimits } from "./limits.ts";
import type { NexusSettings } from "./nexus_settings.ts";
import { readCertificate, type TlsCertificate } from "./tls_certificate.ts";
import { tlsSettings } from "./tls_settings.ts";

/** Milliseconds without a byte in either direction after which a connection is dropped. */
const idleTimeoutMs = 610_000;

/** The server that browsers talk to. @throws {SettingsError} for a certificate that cannot be used */
export function createServer(settings: NexusSettings, listener: RequestListener): Server {
  const server =
    settings.TLS_CERT_FILE === undefined
      ? createHttpServer(serverOptions(settings.limits ?? defaultLimits), listener)
      : createTlsServer(settings, listener);
  server.timeout = idleTimeoutMs;
  // Node would drop the headers beyond its bound without a word; head_limits.ts counts them.
  server.maxHeadersCount = 0;
  return server;
}

function serverOptions({ header_bytes, header_seconds, keep_alive_seconds }: NexusLimits) {
  const headersTimeout = header_seconds * 1000;
  return {
    maxHeaderSize: header_bytes,
    headersTimeout,
    // How often node looks who is late.
    connectionsCheckingInterval: Math.min(5000, headersTimeout / 4),
    keepAliveTimeout: keep_alive_seconds * 1000,
    // An upload may take as long as it goes on: only silence ends it (upload_watch.ts).
    requestTimeout: 0,
  };
}

function createTlsServer(
  { TLS_CERT_FILE = "", TLS_KEY_FILE = "", limits = defaultLimits }: NexusSettings,
  listener: RequestListener,
): Server {
  const options = serverOptions(limits);
  try {
    const { cert, key } = readCertificate({ certFile: TLS_CERT_FILE, keyFile: TLS_KEY_FILE });
    const tls = { ...tlsSettings, cert, key, handshakeTimeout: options.headersTimeout };
    const server = createHttpsServer({ ...options, ...tls }, listener);
    serveHttp2(server, limits, idleTimeoutMs);
    return server;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SettingsError(
      `Cannot start nexus: the certificate in TLS_CERT_FILE and TLS_KEY_FILE cannot be used (${reason}); mend it with "helm config set" and run "helm config sync-all"`,
      { cause: error },
    );
  }
}

/** New handshakes get this certificate; connections that are open go on. */
export function useCertificate(server: Server, { cert, key }: TlsCertificate): void {
  if (!(server instanceof TlsServer)) return;
  // node:cluster has given all processes the same, so that a session is resumed in any of them.
  const ticketKeys = server.getTicketKeys();
  server.setSecureContext({ ...tlsSettings, cert, key });
  server.setTicketKeys(ticketKeys);
}
