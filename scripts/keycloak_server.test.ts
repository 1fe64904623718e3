// The platform with a real Keycloak, as somebody gets it who has set `keycloak.mode` to "server".
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { AdminRequests } from "../helm/keycloak/admin_requests.ts";
import { keycloakServerSkip } from "../helm/keycloak/server_testing.ts";
import { isSameProcess } from "../helm/services/run_file.ts";
import { TestBrowser } from "../nexus/browser_testing.ts";
import { type Platform, startPlatformWith } from "./platform_testing.ts";

describe("a platform with a real Keycloak", { skip: keycloakServerSkip() }, () => {
  const cleanUps: (() => unknown)[] = [];
  let platform: Platform;

  before(async () => {
    const scope = { after: (cleanUp: () => unknown) => cleanUps.push(cleanUp) };
    const archive = process.env["KEYCLOAK_ARCHIVE"];
    platform = await startPlatformWith(scope, [
      ["keycloak.mode", "server"],
      ...(archive === undefined ? [] : [["keycloak.archive", archive] as const]),
    ]);
  });
  after(async () => {
    for (const cleanUp of cleanUps.reverse()) await cleanUp();
  });

  test("one command brings it up, and says meanwhile what takes so long", async () => {
    assert.match(platform.output, /^keycloak: building Keycloak \d/m);
    const services = [...(await platform.status()).values()];
    assert.ok(services.every(({ state }) => state === "ready"));
    assert.ok((services.find(({ name }) => name === "keycloak")?.memoryBytes ?? 0) > 100e6);
  });

  test("its sign-in page is reached through Nexus, and the first user signs in there", async () => {
    const browser = new TestBrowser(platform.origin);
    const page = await browser.open("/template/?page=2");
    assert.ok(page.url.startsWith(`${platform.origin}/keycloak/realms/hivematrix/`), page.url);
    const home = await browser.submit(page, { username: "admin", password: "admin" });
    assert.equal(home.url, `${platform.origin}/template/?page=2`);
    assert.equal(home.status, 200);
    assert.equal((await browser.request("/api/me")).json()["permission_level"], "admin");
  });

  test("what somebody has changed in the realm, and Helm's own secret, is set right at the next start", async (t) => {
    const admin = openMaster(platform);
    t.after(() => admin.close());
    await admin.ask("spoil", "PUT", "", {
      bruteForceProtected: false,
      displayNameHtml: "<b>x</b>",
    });
    const key = "keycloak.admin_client_secret";
    const words = ["config", "set", key, "--no-restart"];
    const setting = promisify(execFile)(join(platform.folder, "scripts/helm"), words);
    setting.child.stdin?.end("another-secret-of-helm's-client\n");
    assert.match((await setting).stdout, /^keycloak\.admin_client_secret is set\./);
    const { status, output } = await platform.helm("restart", "keycloak");
    assert.equal(status, 0, output);
    const changed = openMaster(platform);
    t.after(() => changed.close());
    const realm = (await changed.ask("read", "GET", "")).body as Record<string, unknown>;
    assert.equal(realm["bruteForceProtected"], true);
    assert.equal(realm["displayNameHtml"], "<b>x</b>", "what is the administrator's was changed");
    const log = await platform.helm("logs", "helm");
    assert.match(log.output, /keycloak: client "helm" has the credential of the settings/);
    assert.match(log.output, /keycloak: realm "hivematrix": bruteForceProtected/);
    const users = await platform.helm("users", "list");
    assert.equal(users.status, 0, users.output);
    assert.match(users.output, /^admin /m);
  });

  test("its log is for people to read, and holds no secret", async () => {
    const { output } = await platform.helm("logs", "keycloak", "--lines", "100000");
    assert.match(output, /^\d\d:\d\d:\d\d info +Keycloak \d.* started/m);
    assert.doesNotMatch(output, /^\{/m);
    for (const secret of secretsOf(platform)) assert.ok(!output.includes(secret));
  });

  test("R31: none of its secrets stands where other users of the machine can read", async () => {
    const { pid } = (await platform.status()).get("keycloak") ?? {};
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8");
    for (const secret of secretsOf(platform)) assert.ok(!words.includes(secret));
  });

  test("helm down leaves no Java process behind", async () => {
    const file = join(platform.folder, "helm/instance/run/services/keycloak.json");
    const record = JSON.parse(readFileSync(file, "utf8"));
    assert.equal(await isSameProcess(record), true);
    const { status, output } = await platform.helm("down");
    assert.equal(status, 0, output);
    assert.equal(await isSameProcess(record), false);
  });
});

function openMaster(platform: Platform): AdminRequests {
  return new AdminRequests({
    backendUrl: platform.read("keycloak.url"),
    realm: platform.read("keycloak.realm"),
    clientId: platform.read("keycloak.admin_client_id"),
    clientSecret: platform.read("keycloak.admin_client_secret"),
    tokenRealm: "master",
  });
}

function secretsOf(platform: Platform): string[] {
  const keys = ["admin_client_secret", "client_secret"].map((name) => `keycloak.${name}`);
  return [...keys, "apps.keycloak.db_password"].map((key) => platform.read(key));
}
