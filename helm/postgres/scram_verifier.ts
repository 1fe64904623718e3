import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";

const iterations = 4096;

/**
 * What PostgreSQL keeps of a password, made here, so that the password itself is in no SQL statement
 * and therefore in no server log (RFC 5803; PostgreSQL, "scram_iterations").
 */
export async function scramVerifier(password: string, salt = randomBytes(16)): Promise<string> {
  return formatVerifier(password, iterations, salt);
}

/** Whether a verifier that PostgreSQL kept belongs to the password. */
export async function matchesVerifier(password: string, verifier: string): Promise<boolean> {
  const [, count, salt] = /^SCRAM-SHA-256\$(\d+):([^$]+)\$/.exec(verifier) ?? [];
  if (count === undefined || salt === undefined) return false;
  const expected = await formatVerifier(password, Number(count), Buffer.from(salt, "base64"));
  const [left, right] = [Buffer.from(expected), Buffer.from(verifier)];
  return left.length === right.length && timingSafeEqual(left, right);
}

async function formatVerifier(password: string, count: number, salt: Buffer): Promise<string> {
  const salted = await promisify(pbkdf2)(password, salt, count, 32, "sha256");
  const clientKey = createHmac("sha256", salted).update("Client Key").digest();
  const storedKey = createHash("sha256").update(clientKey).digest("base64");
  const serverKey = createHmac("sha256", salted).update("Server Key").digest("base64");
  return `SCRAM-SHA-256$${count}:${salt.toString("base64")}$${storedKey}:${serverKey}`;
}
