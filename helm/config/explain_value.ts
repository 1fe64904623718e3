// Where a value comes from that an app is given, and what else might have had a say.
import { join } from "node:path";
import { didYouMean } from "../control/near_names.ts";
import type { AppRegistry } from "../install/app_registry.ts";
import { appConf, appEnv, appFlaskEnv, isPython } from "./app_files.ts";
import type { Checkout } from "./checkout.ts";
import { type ExplainedSetting, placeOfKey, showSetting } from "./explain_setting.ts";
import { maskEntry, splitKey } from "./file_entries.ts";
import type { JsonDocument } from "./json_document.ts";
import type { MasterConfig } from "./master_config.ts";
import { findOutdated } from "./outdated_services.ts";
import { type RunningValue, readRunningValue } from "./running_value.ts";
import { type FilePlace, findPlace } from "./value_place.ts";
import { deriveWithout, findSources } from "./value_sources.ts";

/** One key of the master configuration that a value depends on. */
export interface ValueSource extends ExplainedSetting {
  /** Of an optional key that is set: what the value would be without it, secrets masked. */
  readonly overrides?: string;
}

export interface ExplainedValue {
  readonly app: string;
  /** As the app knows it: `CORE_SERVICE_URL`, `database.connection_string`. */
  readonly key: string;
  /** Secrets masked. */
  readonly value: string;
  readonly places: readonly FilePlace[];
  /** How the app comes to it, what wins first. */
  readonly order: string;
  readonly sources: readonly ValueSource[];
  /** Keys that are not set and would change it. */
  readonly unset: readonly ExplainedSetting[];
  readonly running?: RunningValue;
}

interface Subject {
  readonly config: MasterConfig;
  readonly app: string;
  readonly key: string;
  readonly folder: string;
}

/** Whether an app is given something of that name. */
export function hasValue(
  checkout: Checkout,
  config: MasterConfig,
  app: string,
  key: string,
): boolean {
  const folder = checkout.appFolder(app);
  return deriveValue({ app, key, folder })(config) !== undefined;
}

/** @throws {Error} for a name that the app is not given, with what may have been meant */
export async function explainValue(
  checkout: Checkout,
  document: JsonDocument,
  registry: AppRegistry,
  { app, key }: { app: string; key: string },
): Promise<ExplainedValue> {
  const config = document.value as MasterConfig;
  const subject = { config, app, key, folder: checkout.appFolder(app) };
  const derive = deriveValue(subject);
  const value = derive(config);
  if (value === undefined) {
    const meant = didYouMean(key, namesOf(subject));
    throw new Error(`${app} has no variable or option ${key}${meant}`);
  }
  const show = (text: string) => maskEntry(kindOf(key), splitKey(key), text);
  const overriding = (without: string | undefined) =>
    without === undefined ? {} : { overrides: show(without) };
  const keys = findSources(config, derive);
  const isSet = (source: string) => placeOfKey(checkout, document, source) !== undefined;
  const sources = keys.filter(isSet).map((source): ValueSource => {
    const setting = showSetting(checkout, document, source);
    const without = deriveWithout(config, source, derive);
    return without === value ? setting : { ...setting, ...overriding(without) };
  });
  const isOutdated = async () => (await findOutdated(config, { checkout, registry })).includes(app);
  const running = await readRunningValue(checkout, { app, key, value, show, isOutdated });
  return {
    app,
    key,
    value: show(value),
    places: await Promise.all(
      filesOf(subject).map((path) => findPlace(checkout, path, { ...subject, value, show })),
    ),
    order: describeOrder(checkout, subject),
    sources,
    unset: keys.filter((each) => !isSet(each)).map((each) => showSetting(checkout, document, each)),
    ...(running !== undefined && { running }),
  };
}

function deriveValue({ app, key, folder }: Omit<Subject, "config">) {
  const { section, name } = splitKey(key);
  return (config: MasterConfig): string | undefined => {
    if (section !== undefined) return appConf(config, app)[section]?.[name];
    if (!isPython(config, app)) return appEnv(config, app, folder)[name];
    return appFlaskEnv(config, app, folder)[name];
  };
}

function kindOf(key: string): "conf" | "env" {
  return key.includes(".") ? "conf" : "env";
}

/** Everything that an app is given, as it knows it. */
export function namesOf({ config, app, folder }: Omit<Subject, "key">): string[] {
  const env = isPython(config, app)
    ? appFlaskEnv(config, app, folder)
    : appEnv(config, app, folder);
  const options = Object.entries(appConf(config, app)).flatMap(([section, values]) =>
    Object.keys(values).map((name) => `${section}.${name}`),
  );
  return [...Object.keys(env), ...options];
}

function filesOf({ config, app, key, folder }: Subject): string[] {
  const { section, name } = splitKey(key);
  if (section !== undefined) return [join(folder, "instance", `${app}.conf`)];
  const own = name.startsWith("FLASK_") ? [] : [".env"];
  return [...own, ...(isPython(config, app) ? [".flaskenv"] : [])].map((file) =>
    join(folder, file),
  );
}

/** As lib/settings.ts reads it; python-dotenv does not override what the environment has either. */
function describeOrder(checkout: Checkout, subject: Subject): string {
  const files = filesOf(subject).map((path) => checkout.display(path));
  if (subject.key.includes(".")) return `${files.join()} alone, read at its start`;
  return `the environment of its process, which Helm fills from ${files.join(" and ")}; then the file itself`;
}
