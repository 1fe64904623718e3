import type { UserContext } from "@hivematrix/lib/auth";
import { HttpError } from "@hivematrix/lib/http_error";
import { html } from "@hivematrix/lib/responses";
import type { Handler } from "@hivematrix/lib/router";
import { describeChange } from "../config/config_changes.ts";
import { listStates } from "../config/config_history.ts";
import { describeHistory } from "../config/config_undo.ts";
import { explainSetting } from "../config/explain_setting.ts";
import { describePlace, describeRunning, describeSettingValue } from "../config/explain_text.ts";
import { explainValue, namesOf } from "../config/explain_value.ts";
import { knownKeys } from "../config/known_keys.ts";
import { type MasterConfig, readMasterDocument } from "../config/master_config.ts";
import { findRule } from "../config/master_rules.ts";
import { WrittenFiles } from "../config/written_files.ts";
import type { ConfigPagesParts } from "./config_access.ts";
import { groupSettings, listSettings, settingLink, shownValue } from "./config_rows.ts";
import { navigation } from "./navigation.ts";

/** GET /config: every setting by its group, and what was edited by hand. */
export function showConfigPage(parts: ConfigPagesParts): Handler<UserContext> {
  const { platform, views, notices } = parts;
  return async (_request, { link, url, caller }) => {
    const { checkout } = platform;
    const document = await readMasterDocument(checkout);
    const edited = await (await WrittenFiles.load(checkout)).findEdited();
    const apps = Object.keys((document.value as MasterConfig).apps);
    return html(
      views.render("config", {
        navigation: navigation(link, "/config"),
        notice: notices.find(caller.user.sub, url.searchParams.get("notice")),
        has_edited: edited.length > 0,
        edited,
        groups: groupSettings(listSettings(checkout, document), link),
        setting_url: link("/config/setting"),
        value_url: link("/config/value"),
        propose_url: link("/config/propose"),
        history_url: link("/config/history"),
        keys: knownKeys(document.value).filter((key) => findRule(key)?.check.samples !== undefined),
        apps,
        names: namesOfAll(parts, document.value as MasterConfig),
      }),
    );
  };
}

/** GET /config/setting?key=…: one setting explained, with a form to change it. */
export function showSettingPage(parts: ConfigPagesParts): Handler<UserContext> {
  return async (_request, context) => {
    const key = (context.url.searchParams.get("key") ?? "").trim();
    return await renderSetting(parts, context, key);
  };
}

/** @param problem why what was typed cannot be */
export async function renderSetting(
  { platform: { checkout }, registry, views }: ConfigPagesParts,
  { link }: UserContext,
  key: string,
  typed?: { readonly value: string; readonly problem: string },
): Promise<Response> {
  const document = await readMasterDocument(checkout);
  const setting = orNotFound(() => explainSetting(checkout, document, registry, key));
  const { isSecret, value, place, reaches, expected, registry: registered } = setting;
  const isGroup = typeof value === "object" && value !== null && !Array.isArray(value);
  const page = {
    navigation: navigation(link, "/config"),
    config_url: link("/config"),
    propose_url: link("/config/propose"),
    key,
    value: shownValue(setting),
    is_set: place !== undefined,
    place,
    expected,
    has_registry: registered !== undefined,
    registry: JSON.stringify(registered),
    has_reach: reaches.length > 0,
    reaches: reaches.map((name) => ({ name, ...reachLink(link, name) })),
    is_secret: isSecret,
    can_change: !isGroup,
    can_unset: place !== undefined && (findRule(key)?.isOptional ?? findRule(key) === undefined),
    // Neither a secret that is set nor one that was refused is put into a page.
    typed: isSecret ? "" : (typed?.value ?? (place === undefined ? "" : shownValue(setting))),
    problem: typed?.problem,
  };
  const status = typed === undefined ? 200 : 422;
  return html(views.render("config_setting", page), { status });
}

/** GET /config/value?app=…&key=…: where a variable or an option of an app comes from. */
export function showValuePage({
  platform: { checkout },
  registry,
  views,
}: ConfigPagesParts): Handler<UserContext> {
  return async (_request, { link, url }) => {
    const app = (url.searchParams.get("app") ?? "").trim();
    const key = (url.searchParams.get("key") ?? "").trim();
    const document = await readMasterDocument(checkout);
    if (!Object.hasOwn((document.value as MasterConfig).apps, app)) {
      throw new HttpError(404, `There is no app "${app}"`);
    }
    const explained = await explainValue(checkout, document, registry, { app, key }).catch(
      (error: Error) => {
        throw new HttpError(404, error.message);
      },
    );
    const { sources, unset, places, running } = explained;
    return html(
      views.render("config_value", {
        ...explained,
        navigation: navigation(link, "/config"),
        config_url: link("/config"),
        places: places.map(describePlace),
        running: running === undefined ? undefined : describeRunning(app, running),
        sources: sources.map((source) => ({
          ...source,
          value: shownValue(source),
          url: settingLink(link, source.key),
        })),
        has_unset: unset.length > 0,
        unset: unset.map((each) => ({
          text: describeSettingValue(each).slice(each.key.length),
          key: each.key,
          url: settingLink(link, each.key),
        })),
      }),
    );
  };
}

/** GET /config/history: each change, the newest first, with the way back. */
export function showHistoryPage({
  platform: { checkout },
  views,
}: ConfigPagesParts): Handler<UserContext> {
  return async (_request, { link }) => {
    const { value } = await readMasterDocument(checkout);
    const history = describeHistory(await listStates(checkout, value)).toReversed();
    return html(
      views.render("config_history", {
        navigation: navigation(link, "/config"),
        config_url: link("/config"),
        propose_url: link("/config/propose"),
        entries: history.map(({ id, time, user, command, changes }, index) => ({
          id,
          time: `${time.slice(0, 19).replace("T", " ")} UTC`,
          // Of an edit by hand nobody knows whose it was.
          user: user === "-" ? "" : user,
          command,
          changes: changes.map(describeChange),
          is_present: index === 0,
        })),
      }),
    );
  };
}

function namesOfAll({ platform: { checkout } }: ConfigPagesParts, config: MasterConfig): string[] {
  const all = Object.keys(config.apps).flatMap((app) =>
    namesOf({ config, app, folder: checkout.appFolder(app) }),
  );
  return [...new Set(all)].sort();
}

/** `core: LOG_LEVEL` has a page of its own. */
function reachLink(link: UserContext["link"], name: string): { url?: string } {
  const [, app = "", key = ""] = /^([\w-]+): (.+)$/.exec(name) ?? [];
  if (app === "") return {};
  return { url: link(`/config/value?${new URLSearchParams({ app, key })}`) };
}

function orNotFound<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw new HttpError(404, error instanceof Error ? error.message : String(error));
  }
}
