// An explanation as lines to read.
import type { ExplainedSetting, SettingWithReach } from "./explain_setting.ts";
import type { ExplainedValue, ValueSource } from "./explain_value.ts";
import type { RunningValue } from "./running_value.ts";
import type { FilePlace } from "./value_place.ts";

export function describeValue(explained: ExplainedValue): string[] {
  const { app, key, value, places, order, sources, unset, running } = explained;
  return [
    `${key} of ${app} is ${value === "" ? "empty" : value}`,
    ...block("stands in", places.map(describePlace)),
    ...block("read from", [order]),
    ...block("made from", sources.flatMap(describeSource)),
    ...block("also by", unset.map(describeSettingValue)),
    ...block("runs with", running === undefined ? [] : [describeRunning(app, running)]),
  ];
}

export function describeSetting(setting: SettingWithReach): string[] {
  const { key, registry, expected, reaches, place } = setting;
  const overrides = place === undefined ? "" : ", which this takes precedence over";
  return [
    describeSettingValue(setting),
    ...block("has to be", expected === undefined ? [] : [expected]),
    ...block("registry", registry === undefined ? [] : [`${JSON.stringify(registry)}${overrides}`]),
    ...block(
      "reaches",
      reaches.length === 0
        ? [`nothing that is written for an app; Helm itself reads ${key}`]
        : reaches,
    ),
  ];
}

export function describeSettingValue({ key, value, place, absent }: ExplainedSetting): string {
  if (place !== undefined) return `${key} = ${JSON.stringify(value)} (set in ${place})`;
  return absent === undefined ? `${key} (not set)` : `${key} (not set; then: ${absent})`;
}

function describeSource(source: ValueSource): string[] {
  const { key, overrides } = source;
  const line = describeSettingValue(source);
  return overrides === undefined ? [line] : [line, `  without ${key}: ${overrides}`];
}

export function describePlace({ file, section, line, found }: FilePlace): string {
  const where = section === undefined ? file : `${file} [${section}]`;
  if (line === undefined) return `${where}, but is not there now: helm config sync-all writes it`;
  const other =
    found === undefined ? "" : `, where now stands ${found}: helm config sync-all sets it right`;
  return `${where}, line ${line}${other}`;
}

export function describeRunning(app: string, { pid, isCurrent, value }: RunningValue): string {
  if (isCurrent) return `the same (process ${pid})`;
  const what = value === undefined ? "former settings" : value;
  return `${what} (process ${pid}): helm config sync-all or helm restart ${app} changes that`;
}

/** Lines under one word, in a column of their own. */
function block(word: string, lines: readonly string[]): string[] {
  return lines.map((line, index) => `  ${(index === 0 ? word : "").padEnd(10)} ${line}`);
}
