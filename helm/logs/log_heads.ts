// The ends of the services' chains, remembered outside the database: whoever takes the newest lines out
// of that leaves a chain that is whole, but not as long as Helm remembers.
import { readIfThere, writeIfChanged } from "../config/atomic_file.ts";

/** By service: its newest batch, and the chain's hash then, in hexadecimal digits. */
export type LogHeads = Readonly<Record<string, { readonly number: number; readonly hash: string }>>;

export function headsFile(logDir: string): string {
  return `${logDir}/chain_ends.json`;
}

export async function readLogHeads(logDir: string): Promise<LogHeads> {
  const text = await readIfThere(headsFile(logDir));
  return text === undefined || text === "" ? {} : (JSON.parse(text) as LogHeads);
}

export async function writeLogHeads(logDir: string, heads: LogHeads): Promise<void> {
  await writeIfChanged(headsFile(logDir), `${JSON.stringify(heads, null, 2)}\n`);
}
