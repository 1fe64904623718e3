// Whether somebody edited a file that Helm wrote: it is neither as Helm left it nor as it has to be.
import { parseConf } from "@hivematrix/lib/conf_file";
import type { GeneratedFile } from "./generated_files.ts";
import type { WrittenFiles } from "./written_files.ts";

/**
 * @param current what stands there
 * @param wanted what has to
 */
export function isEdited(
  file: GeneratedFile,
  current: string,
  wanted: string,
  record: WrittenFiles,
): boolean {
  if (current === wanted || hasSameValues(file, current, wanted)) return false;
  const isOurs = record.isAsWritten(file.path, current) ?? looksLikeOurs(file, current);
  return !isOurs;
}

/** Of a `.conf`, what is not Helm's stays anyway, so only Helm's own values can be lost. */
function hasSameValues(
  { kind, sections }: GeneratedFile,
  current: string,
  wanted: string,
): boolean {
  if (kind !== "conf") return false;
  return ownValues(current, sections) === ownValues(wanted, sections);
}

/** Without a record: from before there was one, or by an installer (contract §6 has it write one). */
function looksLikeOurs({ kind, sections }: GeneratedFile, current: string): boolean {
  if (kind === "env") return current.startsWith("# Written by Helm");
  if (kind === "conf") return ownValues(current, sections) === ownValues("", sections);
  return true;
}

function ownValues(text: string, sections: readonly string[] = []): string {
  try {
    const conf = parseConf(text);
    return JSON.stringify(sections.map((name) => [...(conf.get(name) ?? [])].sort()));
  } catch {
    return text;
  }
}
