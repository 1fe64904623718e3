import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { tlsSettings } from "./tls_settings.ts";

/** A certificate with its key, both as PEM, which fit together. */
export interface TlsCertificate {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** What it is good for: `DNS:hive.example.org, IP Address:127.0.0.1`. */
  readonly names: string;
  readonly endsAt: Date;
}

export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/**
 * Reads a certificate, with its chain, and its key.
 *
 * @throws {Error} naming the file and what is wrong with it
 */
export function readCertificate({ certFile, keyFile }: CertificateFiles): TlsCertificate {
  const cert = readFile(certFile);
  const key = readFile(keyFile);
  const leaf = parse(certFile, "certificate", () => new X509Certificate(cert));
  const privateKey = parse<KeyObject>(keyFile, "private key", () => createPrivateKey(key));
  if (!leaf.checkPrivateKey(privateKey)) {
    throw new Error(`${keyFile} is not the key of the certificate in ${certFile}`);
  }
  // The rest of the chain, and whether OpenSSL takes it all as it is to be used.
  parse(certFile, "usable certificate", () => createSecureContext({ ...tlsSettings, cert, key }));
  const names = leaf.subjectAltName ?? leaf.subject;
  return { cert, key, names, endsAt: new Date(leaf.validTo) };
}

function readFile(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new Error(`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`, {
      cause: error,
    });
  }
}

function parse<T>(file: string, what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${file} holds no ${what} (${reason})`, { cause: error });
  }
}
