import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
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
 * Makes a self-signed certificate for the host names and for loopback, the key readable by its owner
 * alone.
 *
 * @throws {Error} with what openssl said
 */
export async function makeCertificate(folder: string, ...hostnames: string[]): Promise<void> {
  const { keyFile, certFile } = certificateFiles(folder);
  const curve = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
  // openssl writes to a pipe, so that the key is at no moment in a file that others may read.
  await writeFileAtomically(keyFile, await openssl("genpkey", ...curve));
  const configFile = join(folder, "openssl.cnf");
  await writeFileAtomically(configFile, opensslConfig(hostnames));
  const words = ["req", "-x509", "-new", "-key", keyFile, "-days", String(validDays)];
  words.push("-subj", `/CN=${hostnames[0]?.slice(0, 64)}`, "-config", configFile);
  await writeFileAtomically(certFile, await openssl(...words), 0o644);
  await rm(configFile, { force: true });
}

/** Where a folder has them. */
export function certificateFiles(folder: string): { keyFile: string; certFile: string } {
  return { keyFile: join(folder, "key.pem"), certFile: join(folder, "certificate.pem") };
}

/**
 * openssl's own default would make a certificate authority: whoever had their browser trust that
 * would trust whatever its key signs.
 */
function opensslConfig(hostnames: readonly string[]): string {
  const names = new Set([...hostnames.map(nameOf), "DNS:localhost", "IP:127.0.0.1", "IP:::1"]);
  return `[req]
distinguished_name = name
x509_extensions = extensions
[name]
[extensions]
subjectAltName = ${[...names].join(",")}
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
`;
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
