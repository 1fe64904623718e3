import { readFileSync } from "node:fs";
import { createServer as createHttpServer, type RequestListener, type Server } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { SettingsError } from "@hivematrix/lib/settings";
import type { NexusSettings } from "./nexus_settings.ts";

/** Milliseconds without a byte in either direction after which a connection is dropped. */
const idleTimeoutMs = 610_000;

const limits = {
  // Sign-in attempts carry the addresses they lead back to, and several tabs have several.
  maxHeaderSize: 64 * 1024,
  headersTimeout: 60_000,
  // An upload may take as long as it goes on: only silence ends it.
  requestTimeout: 0,
};

/** The server that browsers talk to. @throws {SettingsError} for a certificate that cannot be used */
export function createServer(settings: NexusSettings, listener: RequestListener): Server {
  const server =
    settings.TLS_CERT_FILE === undefined
      ? createHttpServer(limits, listener)
      : createTlsServer(settings, listener);
  server.timeout = idleTimeoutMs;
  return server;
}

function createTlsServer(
  { TLS_CERT_FILE = "", TLS_KEY_FILE = "" }: NexusSettings,
  listener: RequestListener,
): Server {
  try {
    const certificate = { cert: readFileSync(TLS_CERT_FILE), key: readFileSync(TLS_KEY_FILE) };
    return createHttpsServer({ ...limits, ...certificate, minVersion: "TLSv1.2" }, listener);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SettingsError(
      `Cannot start nexus: the certificate in TLS_CERT_FILE and TLS_KEY_FILE cannot be used (${reason}); mend it with "helm config set" and run "helm config sync-all"`,
      { cause: error },
    );
  }
}
