import { statSync } from "node:fs";
import type { Log } from "@hivematrix/lib/log";
import type { NexusSettings } from "./nexus_settings.ts";
import { type CertificateFiles, readCertificate, type TlsCertificate } from "./tls_certificate.ts";

const pollMs = 5000;
const dayMs = 24 * 60 * 60 * 1000;
const warnBeforeEndMs = 14 * dayMs;

export interface CertificateWatchOptions {
  readonly log: Log;
  /** Called with the certificate that is there, and with each that takes the place of another. */
  readonly use?: (certificate: TlsCertificate) => void;
  /** For tests. */
  readonly pollMs?: number;
  readonly now?: () => number;
}

/**
 * Looks whether the certificate's files have changed, every few seconds and on SIGHUP. It asks for the
 * files' stamps instead of listening to the folder: that sees a rename, a link that leads elsewhere (as
 * Let's Encrypt's do) and a network drive alike. What cannot be used is said once, and the certificate
 * before it goes on being served.
 */
export class CertificateWatch {
  readonly #files: CertificateFiles;
  readonly #log: Log;
  readonly #use: (certificate: TlsCertificate) => void;
  readonly #now: () => number;
  readonly #timer: NodeJS.Timeout;
  readonly #onHangup = () => this.#read();
  #current: TlsCertificate;
  /** Of the files that were read last. */
  #readStamp: string;
  #lastStamp: string;
  #warnAt = 0;

  /** @throws {Error} when what is there now cannot be used */
  constructor(files: CertificateFiles, { log, use, now, ...options }: CertificateWatchOptions) {
    this.#files = files;
    this.#log = log;
    this.#use = use ?? (() => {});
    this.#now = now ?? Date.now;
    this.#readStamp = this.#lastStamp = stampOf(files);
    this.#current = readCertificate(files);
    this.#use(this.#current);
    this.#log.info("certificate in use", describe(this.#current));
    this.#warnOfEnd();
    this.#timer = setInterval(() => this.#look(), options.pollMs ?? pollMs).unref();
    process.on("SIGHUP", this.#onHangup);
  }

  close(): void {
    clearInterval(this.#timer);
    process.off("SIGHUP", this.#onHangup);
  }

  #look(): void {
    this.#warnOfEnd();
    const stamp = stampOf(this.#files);
    // Certificate and key are written one after the other: wait until nothing changes any more.
    const isSettled = stamp === this.#lastStamp;
    this.#lastStamp = stamp;
    if (isSettled && stamp !== this.#readStamp) this.#read();
  }

  #read(): void {
    this.#readStamp = stampOf(this.#files);
    try {
      const next = readCertificate(this.#files);
      if (next.cert.equals(this.#current.cert) && next.key.equals(this.#current.key)) return;
      this.#use(next);
      this.#current = next;
      this.#log.info("certificate in use", describe(next));
      this.#warnAt = 0;
      this.#warnOfEnd();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const kept = describe(this.#current);
      this.#log.error("the new certificate cannot be used, the old one is kept", { reason, kept });
    }
  }

  #warnOfEnd(): void {
    const now = this.#now();
    const leftMs = this.#current.endsAt.getTime() - now;
    if (leftMs > warnBeforeEndMs || now < this.#warnAt) return;
    this.#warnAt = now + dayMs;
    const days = Math.floor(leftMs / dayMs);
    const what = leftMs < 0 ? "the certificate has ended" : "the certificate ends soon";
    this.#log.warn(what, { ...describe(this.#current), days, ...this.#files });
  }
}

function describe({ names, endsAt }: TlsCertificate) {
  return { names, ends_at: endsAt.toISOString() };
}

/** Of what the names lead to in the end; the empty text while one of them is missing. */
function stampOf({ certFile, keyFile }: CertificateFiles): string {
  try {
    return [certFile, keyFile]
      .map((file) => {
        const { dev, ino, size, mtimeMs } = statSync(file);
        return `${dev}:${ino}:${size}:${mtimeMs}`;
      })
      .join(" ");
  } catch {
    return "";
  }
}

/** `undefined` without TLS. @throws {Error} as above */
export function watchCertificate(
  { TLS_CERT_FILE, TLS_KEY_FILE }: Pick<NexusSettings, "TLS_CERT_FILE" | "TLS_KEY_FILE">,
  options: CertificateWatchOptions,
): CertificateWatch | undefined {
  if (TLS_CERT_FILE === undefined || TLS_KEY_FILE === undefined) return undefined;
  return new CertificateWatch({ certFile: TLS_CERT_FILE, keyFile: TLS_KEY_FILE }, options);
}
