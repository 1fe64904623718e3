import { countOf } from "../control/count_of.ts";
import type { AppLine } from "./app_list.ts";

/** `ready`, `not installed`, … */
export function stateWords({ installed, kept, state }: AppLine): string {
  if (installed) return state ?? "installed";
  return kept ? "not installed, data kept" : "not installed";
}

/** How the working copy stands: `clean`, `2 files changed by hand, 1 commit ahead`. */
export function gitWords({ git }: AppLine): string {
  if (git === undefined) return "";
  const { changed, ahead, behind } = git;
  const words = [
    changed.length > 0 ? `${countOf(changed.length, "file")} changed by hand` : "",
    ahead > 0 ? `${countOf(ahead, "commit")} ahead` : "",
    behind > 0 ? `${countOf(behind, "commit")} behind` : "",
  ].filter((part) => part !== "");
  return words.join(", ") || "clean";
}

export function updateWords({ update }: AppLine): string {
  if (update === undefined) return "";
  if (update.available) return `update available (${update.commit?.slice(0, 12)})`;
  return update.error === undefined ? "up to date" : "cannot be asked";
}

/** `Repositories were asked at 2026-11-27 03:00 UTC`; empty when none ever was. */
export function askedWords(lines: readonly AppLine[]): string {
  const [first] = lines.flatMap(({ update }) => update?.at ?? []).sort();
  return first === undefined
    ? ""
    : `Repositories were asked at ${first.slice(0, 16).replace("T", " ")} UTC`;
}
