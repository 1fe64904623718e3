// A plan as lines to read, much like a unified diff.
import { type ConfigChange, describeChange } from "./config_changes.ts";
import type { ConfigPlan, FilePlan } from "./config_plan.ts";

export function describePlan(changes: readonly ConfigChange[], plan: ConfigPlan): string[] {
  const { files, missing, unknown, restarts, concernsHelm } = plan;
  const lines = [
    ...changes.map(describeChange),
    ...(changes.length > 0 ? [""] : []),
    ...files.flatMap(describeFile),
    files.length === 0 ? "Every file is up to date." : "",
    ...missing.map((app) => `${app} is configured, but its folder is not there.`),
    ...unknown,
    restarts.length === 0
      ? "No service that runs would be restarted."
      : `Would be restarted: ${restarts.join(", ")}.`,
  ];
  return concernsHelm
    ? [...lines, 'Helm itself would take up its own settings with "helm restart helm".']
    : lines;
}

const words: Readonly<Record<FilePlan["action"], string>> = {
  create: "  (new)",
  change: "",
  permissions: "",
  link: "",
};

function describeFile({ file, action, isEdited, changes, note }: FilePlan): string[] {
  const lines = [`${file}${words[action]}`];
  if (isEdited) lines.push("  edited by hand; a copy of it would be kept");
  if (note !== undefined) lines.push(`  ${note}`);
  let section: string | undefined;
  for (const change of changes) {
    if (change.section !== section) lines.push(`  [${change.section}]`);
    section = change.section;
    if (change.from !== undefined) lines.push(`  -${change.name}=${oneLine(change.from)}`);
    if (change.to !== undefined) lines.push(`  +${change.name}=${oneLine(change.to)}`);
  }
  return lines;
}

/** A value of several lines, or with what would move a terminal's cursor, on one. */
function oneLine(value: string): string {
  return /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(value) ? JSON.stringify(value) : value;
}
