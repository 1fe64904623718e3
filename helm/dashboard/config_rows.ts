// The settings as the page "Configuration" shows them: by group, secrets masked.
import type { Context } from "@hivematrix/lib/router";
import type { Checkout } from "../config/checkout.ts";
import { flatten } from "../config/config_changes.ts";
import { type ExplainedSetting, showSetting } from "../config/explain_setting.ts";
import type { JsonDocument } from "../config/json_document.ts";
import { knownKeys } from "../config/known_keys.ts";
import { findRule } from "../config/master_rules.ts";
import { withQuery } from "./user_links.ts";

/** Every setting: those that are set, in the file's order, then those of which the default counts. */
export function listSettings(checkout: Checkout, document: JsonDocument): ExplainedSetting[] {
  const set = [...flatten(document.value).keys()];
  const isValue = (key: string) => findRule(key)?.check.samples !== undefined;
  const defaults = knownKeys(document.value).filter((key) => isValue(key) && !set.includes(key));
  return [...set, ...defaults].map((key) => showSetting(checkout, document, key));
}

export interface SettingGroup {
  readonly name: string;
  /** Of its heading, for links to it. */
  readonly id: string;
  readonly rows: readonly object[];
  readonly defaults: readonly object[];
  readonly default_count: number;
}

export function groupSettings(
  settings: readonly ExplainedSetting[],
  link: Context["link"],
): SettingGroup[] {
  const groups = new Map<string, ExplainedSetting[]>();
  for (const setting of settings) {
    const name = groupOf(setting.key);
    groups.set(name, [...(groups.get(name) ?? []), setting]);
  }
  return [...groups].map(([name, all]) => {
    const row = (setting: ExplainedSetting) => settingRow(setting, name, link);
    const defaults = all.filter(({ place }) => place === undefined).map(row);
    return {
      name,
      id: `group-${name.replaceAll(/[^\w-]/g, "-")}`,
      rows: all.filter(({ place }) => place !== undefined).map(row),
      defaults,
      default_count: defaults.length,
    };
  });
}

/** What a page calls a value. */
export function shownValue({ value, absent }: ExplainedSetting): string {
  if (value === undefined) return absent ?? "–";
  return typeof value === "string" ? value : JSON.stringify(value);
}

export function settingLink(link: Context["link"], key: string): string {
  return link(withQuery("/config/setting", { key }));
}

function settingRow(setting: ExplainedSetting, group: string, link: Context["link"]): object {
  const { key, place } = setting;
  return {
    name: key.startsWith(`${group}.`) ? key.slice(group.length + 1) : key,
    key,
    value: shownValue(setting),
    line: place?.replace(/^.*, /, ""),
    url: settingLink(link, key),
  };
}

function groupOf(key: string): string {
  const [first = "", second] = key.split(".");
  const isDeeper = (first === "apps" || first === "databases") && second !== undefined;
  return isDeeper ? `${first}.${second}` : first;
}
