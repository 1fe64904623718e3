import { execFile } from "node:child_process";
import { isIP } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { writeFileAtomically } from "./atomic_file.ts";

const run = promisify(execFile);

/** The longest that browsers accept a certificate for. */
const validDays = 397;

/** Whether openssl is on the machine. */
export async function hasOpenssl(): Promise<boolean> {
  return await run("openssl", ["version"]).then(
    () => true,
    () => false,
  );
}

/**
 * Makes a self-signed certificate for the host name and for loopback, the key readable by its owner
 * alone.
 *
 * @throws {Error} with what openssl said
 */
export async function makeCertificate(folder: string, hostname: string): Promise<void> {
  const keyFile = join(folder, "key.pem");
  const curve = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
  // openssl writes to a pipe, so that the key is at no moment in a file that others may read.
  await writeFileAtomically(keyFile, await openssl("genpkey", ...curve));
  const names = new Set([nameOf(hostname), "DNS:localhost", "IP:127.0.0.1", "IP:::1"]);
  const words = ["req", "-x509", "-new", "-key", keyFile, "-days", String(validDays)];
  words.push("-subj", `/CN=${hostname.slice(0, 64)}`);
  words.push("-addext", `subjectAltName=${[...names].join(",")}`);
  words.push("-addext", "extendedKeyUsage=serverAuth");
  await writeFileAtomically(join(folder, "certificate.pem"), await openssl(...words), 0o644);
}

async function openssl(...words: string[]): Promise<string> {
  try {
    return (await run("openssl", words)).stdout;
  } catch (error) {
    const { stderr = "", message } = error as Error & { stderr?: string };
    const reason = stderr.trim().split("\n").at(-1) || message;
    throw new Error(`Cannot make a certificate: openssl ${words[0]} says "${reason}"`, {
      cause: error,
    });
  }
}

function nameOf(hostname: string): string {
  return isIP(hostname) === 0 ? `DNS:${hostname}` : `IP:${hostname}`;
}
