import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import { adaUserinfo, startCore } from "../../core/testing.ts";
import { loadMasterConfig, saveMasterConfig } from "../config/master_config.ts";
import { type AdminPlace, createIdentityAdmin } from "../keycloak/admin_client.ts";
import { startEmbeddedProvider } from "../keycloak/testing.ts";
import { afterTest, lastFirst } from "../testing.ts";
import { makeInstallation, runHere, withCore } from "./testing.ts";

test("R9, R12, R23: the command line makes, changes and deletes a user, at once", async (t) => {
  const { helm, run, signIn, isLive, admin, provider } = await start(t);
  const made = await helm(
    "users",
    "create",
    "grace",
    "--email",
    "grace@example.org",
    "--group",
    "billing",
    "--group",
    "technicians",
    "--last-name",
    "Hopper",
    "--no-temporary",
  );
  assert.equal(made.status, 0, made.stderr);
  const password = passwordIn(made.stdout);
  assert.match(made.stdout, /^Created "grace"\.\nThe password, shown this once: [\w-]{19}\n$/);
  await provider.openBrowser().signIn("grace", password);

  const changing = async (...words: string[]) => {
    const token = await signIn("grace");
    const result = await helm("users", ...words);
    return { ...result, isLive: await isLive(token) };
  };
  const groups = await changing("groups", "grace", "--add", "admins", "--remove", "billing");
  assert.deepEqual(
    [groups.status, groups.stdout, groups.isLive],
    [0, 'Changed the groups of "grace"; ended 1 session.\nadmins\ntechnicians\n', false],
  );
  await admin.addToGroup((await admin.findUser("ada"))?.id ?? "", "admins");

  const token = await signIn("grace");
  const given = { input: "typed at a terminal\n" };
  const words = ["users", "reset-password", "grace", "--password-stdin", "--no-temporary"];
  const reset = await run("scripts/helm", words, given);
  assert.deepEqual([reset.status, await isLive(token)], [0, false]);
  assert.equal(reset.stdout, 'Set another password for "grace"; ended 1 session.\n');
  await provider.openBrowser().signIn("grace", "typed at a terminal");
  const generated = await changing("reset-password", "grace");
  assert.equal(generated.isLive, false);
  assert.notEqual(passwordIn(generated.stdout), password);
  assert.match(generated.stdout, /At the next sign-in it has to be changed\.\n$/);

  assert.equal((await changing("sign-out", "grace")).isLive, false);
  const disabled = await changing("disable", "GRACE");
  assert.deepEqual(
    [disabled.status, disabled.stdout, disabled.isLive],
    [0, 'Disabled "grace"; ended 1 session.\n', false],
  );
  assert.equal((await helm("users", "enable", "grace")).stdout, 'Enabled "grace".\n');
  const refused = await changing("delete", "grace");
  assert.deepEqual([refused.status, refused.isLive], [1, true]);
  assert.equal(
    refused.stderr,
    'Cannot delete "grace": there is no terminal to ask at; --yes does it without a question\n',
  );
  const deleted = await changing("delete", "grace", "--yes");
  assert.deepEqual([deleted.status, deleted.isLive], [0, false]);
  assert.equal(await admin.findUser("grace"), undefined);
});

test("the command line shows users and groups, for people and for programs", async (t) => {
  const { helm, admin, provider } = await start(t);
  await admin.createGroup("sales");
  const evil = { username: "zoe", firstName: "Zo\u202ee", password: "x".repeat(20) };
  await admin.createUser({ ...evil, isTemporary: true });
  const list = await helm("users", "list");
  const [head, first, second] = list.stdout.split("\n");
  assert.match(head ?? "", /^USER +NAME +E-MAIL +GROUPS +STATE$/);
  assert.match(first ?? "", /^ada +Ada Lovelace +ada@example\.org +technicians +enabled$/);
  assert.match(second ?? "", /^zoe +Zo\?e +- +- +has to change the password$/);
  const [ada] = JSON.parse((await helm("users", "list", "lovel", "--json")).stdout);
  const { id, created_at, ...rest } = ada;
  assert.ok(Date.parse(created_at) > 0);
  assert.deepEqual(rest, {
    username: "ada",
    email: "ada@example.org",
    first_name: "Ada",
    last_name: "Lovelace",
    enabled: true,
    must_change_password: false,
    groups: ["technicians"],
  });
  for (let i = 0; i < 201; i++) {
    // Without a password, which takes its time by design.
    await provider.accounts.create({ username: `many${i}` });
  }
  const many = JSON.parse((await helm("users", "list", "many", "--json")).stdout);
  assert.equal(many.length, 201);
  const cut = await helm("users", "list", "many");
  assert.equal(cut.stdout.trim().split("\n").length, 201, "and a line for the columns");
  assert.equal(cut.stderr, "These are the first 200; give a part of a name to see others.\n");
  assert.equal((await helm("users", "list", "nobody")).stdout, 'Nobody is called like "nobody".\n');
  assert.match((await helm("users", "show", "ada")).stdout, new RegExp(`ID +${id}\n`));
  const shown = JSON.parse((await helm("users", "show", id, "--json")).stdout);
  assert.deepEqual([shown.username, shown.sessions], ["ada", []]);
  assert.equal((await helm("users", "groups")).stdout, "admins\nbilling\nsales\ntechnicians\n");
  const groups = await helm("users", "groups", "ada", "--json");
  assert.deepEqual(JSON.parse(groups.stdout), ["technicians"]);
  assert.equal(
    (await helm("users", "create-group", "north")).stdout,
    'Created the group "north".\n',
  );
});

test("what cannot be is refused with the reason, wrong usage with status 2", async (t) => {
  const { helm, admin } = await start(t);
  const ada = await admin.findUser("ada");
  await admin.addToGroup(ada?.id ?? "", "admins");
  const failing = async (...words: string[]) => {
    const { status, stderr } = await helm("users", ...words);
    assert.equal(status, 1, stderr);
    return stderr;
  };
  assert.equal(
    await failing("show", "adaa"),
    'Cannot show "adaa": there is no user "adaa"; did you mean "ada"?\n',
  );
  assert.match(await failing("create", "ada"), /^Cannot create user "ada": .*exists/);
  for (const words of [
    ["disable", "ada"],
    ["delete", "ada", "--yes"],
    ["groups", "ada", "--remove", "admins"],
  ]) {
    assert.match(await failing(...words), /the last enabled member of "admins".*--force\n$/);
  }
  assert.match(await failing("groups", "ada", "--add", "nosuch"), /no group "nosuch", only admins/);
  assert.equal((await helm("users", "disable", "ada", "--force")).status, 0);
  for (const words of [
    [],
    ["show"],
    ["show", ""],
    ["groups", "--add", "x"],
    ["delete", "ada", "x"],
    ["create", "x", "--password", "y"],
  ]) {
    assert.equal((await helm("users", ...words)).status, 2, words.join(" "));
  }
});

test("a change whose sessions could not be ended is said to be done, and fails", async (t) => {
  const { helm, core, admin } = await start(t);
  await core.close();
  const { status, stdout, stderr } = await helm("users", "groups", "ada", "--add", "billing");
  assert.equal(status, 1);
  assert.match(stdout, /^Changed the groups of "ada"\.\nbilling\ntechnicians\n$/);
  const { id = "" } = (await admin.findUser("ada")) ?? {};
  assert.equal(
    stderr,
    `Sessions of "ada" may live on (Core cannot be reached): "helm sessions revoke-all ${id}" ends them.\n`,
  );
});

test("an identity provider that is away, or refuses Helm, is said with what to do", async (t) => {
  const { helm, provider, use } = await start(t);
  await use({ ...provider.adminPlace, clientSecret: "another-secret-than-there" });
  const refused = await helm("users", "list");
  assert.equal(refused.status, 1);
  assert.match(
    refused.stderr,
    /^Cannot list users: .*refuses the client "helm"[\s\S]*To let Helm manage users/,
  );
  await provider.close();
  const away = await helm("users", "disable", "ada");
  assert.match(away.stderr, /^Cannot find user "ada": .*cannot be reached, see "helm status"\n$/);
});

const passwordIn = (output: string) => /once: (\S+)/.exec(output)?.[1] ?? "";

async function start(t: TestContext) {
  const provider = await startEmbeddedProvider(lastFirst(t));
  const core = await startCore(lastFirst(t), { services: ["helm"] });
  const { checkout, run } = await makeInstallation(t);
  const helm = (...words: string[]) => runHere(checkout, words);
  const admin = createIdentityAdmin(provider.adminPlace);
  afterTest(t, () => admin.close());
  const use = async ({ backendUrl, realm, clientSecret }: AdminPlace) => {
    const config = await loadMasterConfig(checkout);
    await saveMasterConfig(checkout, {
      ...withCore(config, core),
      keycloak: {
        ...config.keycloak,
        mode: "external",
        url: backendUrl,
        realm,
        admin_client_secret: clientSecret,
      },
    });
  };
  await use(provider.adminPlace);
  return {
    helm,
    run,
    core,
    provider,
    admin,
    use,
    isLive: async (token: string) => (await core.post("/api/token/validate", { token })).ok,
    async signIn(username: string) {
      const user = await admin.findUser(username);
      return await core.signIn({ ...adaUserinfo, sub: user?.id, preferred_username: username });
    },
  };
}
