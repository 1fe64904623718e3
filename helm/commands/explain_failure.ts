// A failed command in a sentence. Most errors bring theirs along; the system's own say too little.
import { statSync } from "node:fs";
import { join } from "node:path";
import type { Checkout } from "../config/checkout.ts";

/** @param checkout whose files whoever runs the command may be kept from */
export function explainFailure(error: unknown, { root, helmFolder, display }: Checkout): string {
  if (!(error instanceof Error)) return String(error);
  const { code, path } = error as NodeJS.ErrnoException;
  const isRefused = code === "EACCES" || code === "EPERM";
  if (!isRefused || path === undefined || !path.startsWith(root)) return error.message;
  const owner = statSync(join(helmFolder, "instance"), { throwIfNoEntry: false })?.uid;
  const whose = owner === undefined ? "somebody else" : describeUser(owner);
  const you = describeUser(process.getuid?.() ?? 0);
  return `Cannot open ${display(path)}: permission denied. This installation belongs to ${whose}, and you are ${you}: run helm as the one it belongs to`;
}

function describeUser(uid: number): string {
  return uid === 0 ? "root" : `the user with ID ${uid}`;
}
