import { createPrivateKey, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { join } from "node:path";
import { readIfThere } from "./atomic_file.ts";
import { certificateFiles, makeCertificate } from "./certificate.ts";
import type { Checkout } from "./checkout.ts";
import type { MasterConfig } from "./master_config.ts";
import { publicOrigin } from "./public_origin.ts";

const dayMs = 24 * 60 * 60 * 1000;

/** Early enough for an installation that is started once a month. */
const renewBeforeEndMs = 30 * dayMs;

/**
 * Makes Nexus's self-signed certificate anew when it is missing, about to end, or not good for the
 * host name. One that somebody else has made, or that the configuration names, is theirs to renew.
 *
 * @returns why there is a new one; `undefined` when there is none
 * @throws {Error} with what openssl said
 */
export async function renewNexusCertificate(
  checkout: Checkout,
  config: MasterConfig,
  now = Date.now(),
): Promise<string | undefined> {
  const nexus = config.apps["nexus"];
  const isOwn = nexus?.tls_cert_file !== undefined || nexus?.tls_key_file !== undefined;
  if (nexus?.tls !== true || isOwn) return undefined;
  const folder = nexusCertificateFolder(checkout);
  const hostnames = certificateNames(config);
  const reason = await findReason(folder, hostnames, now);
  if (reason !== undefined) await makeCertificate(folder, ...hostnames);
  return reason;
}

export function nexusCertificateFolder(checkout: Checkout): string {
  return join(checkout.appFolder("nexus"), "instance", "tls");
}

/** What browsers call Nexus: the host name, and the public address where that is another. */
export function certificateNames(config: MasterConfig): string[] {
  const { hostname } = new URL(publicOrigin(config));
  return [...new Set([config.system.hostname, hostname.replace(/^\[(.*)\]$/, "$1")])];
}

async function findReason(
  folder: string,
  hostnames: readonly string[],
  now: number,
): Promise<string | undefined> {
  const { certFile, keyFile } = certificateFiles(folder);
  const [pem, keyPem] = [await readIfThere(certFile), await readIfThere(keyFile)];
  if (pem === undefined) return "there was none";
  const certificate = parse(pem);
  // Nexus says what is wrong with it; it may be somebody's own that is just being written.
  if (certificate === undefined || !isSelfSigned(certificate)) return undefined;
  if (keyPem === undefined || !fits(certificate, keyPem)) return "its key was missing or another's";
  const missing = hostnames.find((name) => !isFor(certificate, name));
  if (missing !== undefined) return `it was not for ${missing}`;
  const endsAt = new Date(certificate.validTo);
  const isEnding = endsAt.getTime() - now < renewBeforeEndMs;
  return isEnding ? `it would end on ${endsAt.toISOString().slice(0, 10)}` : undefined;
}

function parse(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

function isSelfSigned(certificate: X509Certificate): boolean {
  // Not checkIssued: it asks for a key usage that only an authority has.
  return certificate.subject === certificate.issuer && certificate.verify(certificate.publicKey);
}

function fits(certificate: X509Certificate, keyPem: string): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(keyPem));
  } catch {
    return false;
  }
}

function isFor(certificate: X509Certificate, name: string): boolean {
  const found = isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name);
  return found !== undefined;
}
