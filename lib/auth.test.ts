import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type Auth, createAuth } from "./auth.ts";
import { forgedTokens } from "./forged_tokens_testing.ts";
import type { Handler } from "./router.ts";
import { router } from "./router.ts";
import { serve } from "./serve.ts";
import { createTestLog, startTestCore } from "./testing.ts";
import { createTokenVerifier, permissionLevels } from "./token_verifier.ts";

/** A service on a real port with a door of each kind, and a Core whose tokens it trusts. */
async function startService(t: TestContext) {
  const core = await startTestCore(t);
  const auth = createAuth(createTokenVerifier({ coreUrl: core.url, service: "codex" }));
  const log = createTestLog("codex");
  const handle = router(
    Object.entries(doors).map(([name, door]) => ({
      method: "GET",
      path: `/${name}`,
      handler: door(auth),
    })),
    { service: "codex", log },
  );
  const server = await serve(handle, { port: 0 });
  t.after(() => server.close());
  const ask = async (door: string, authorization?: string) => {
    const headers = authorization === undefined ? {} : { authorization };
    return await fetch(new URL(door, server.url), { headers });
  };
  return { core, ask, log };
}

const doors: Record<string, (auth: Auth) => Handler> = {
  token: (auth) =>
    auth.tokenRequired((_request, { caller, log }) => {
      log.info("handled");
      return Response.json(caller.kind === "user" ? caller.user.sub : caller.service);
    }),
  user: (auth) => auth.userRequired((_request, { caller }) => Response.json(caller.user.sub)),
  admin: (auth) => auth.adminRequired(() => new Response()),
  adminUser: (auth) =>
    auth.adminUserRequired((_request, { caller }) => Response.json(caller.token)),
  level: (auth) => auth.levelRequired(["billing", "admin"], () => new Response()),
};

test("R20: which caller passes which door", async (t) => {
  const { core, ask } = await startService(t);
  const expected: Record<string, readonly number[]> = {
    //            token user admin adminUser level
    admin: /*     */ [200, 200, 200, 200, 200],
    technician: /**/ [200, 200, 403, 403, 403],
    billing: /*   */ [200, 200, 403, 403, 200],
    client: /*    */ [200, 200, 403, 403, 403],
    service: /*   */ [200, 403, 200, 403, 200],
    elsewhere: /* */ [401, 401, 401, 401, 401],
    nobody: /*    */ [401, 401, 401, 401, 401],
  };
  const authorizationOf = async (caller: string) => {
    if (caller === "nobody") return undefined;
    if (caller === "service") return `Bearer ${await core.serviceToken("treasury", "codex")}`;
    if (caller === "elsewhere") return `Bearer ${await core.serviceToken("treasury", "ledger")}`;
    return `Bearer ${await core.userToken({ permission_level: caller })}`;
  };
  assert(permissionLevels.every((level) => level in expected));
  for (const [caller, statuses] of Object.entries(expected)) {
    const authorization = await authorizationOf(caller);
    const answers = Object.keys(doors).map(async (door) => (await ask(door, authorization)).status);
    assert.deepEqual(await Promise.all(answers), statuses, caller);
  }
});

test("a handler is told who calls, and so is the log", async (t) => {
  const { core, ask, log } = await startService(t);
  const user = await core.userToken({ sub: "grace" });
  assert.equal(await (await ask("token", `Bearer ${user}`)).json(), "grace");
  assert.equal(await (await ask("user", `Bearer ${user}`)).json(), "grace");
  const service = await core.serviceToken("treasury", "codex");
  assert.equal(await (await ask("token", `Bearer ${service}`)).json(), "treasury");
  const admin = await core.userToken({ permission_level: "admin" });
  assert.equal(await (await ask("adminUser", `Bearer ${admin}`)).json(), admin);

  const handled = log.lines.map((line) => JSON.parse(line)).filter((l) => l.message === "handled");
  assert.deepEqual([handled[0].sub, handled[1].caller], ["grace", "treasury"]);
});

test("R19: no door opens to a forged token", async (t) => {
  const { core, ask } = await startService(t);
  const good = await core.userToken();
  assert.equal((await ask("user", `Bearer ${good}`)).status, 200);
  for (const { name, token } of forgedTokens(good, core.privateKey)) {
    const response = await ask("user", `Bearer ${token}`);
    assert.equal(response.status, 401, name);
    assert.match(response.headers.get("www-authenticate") ?? "", /^Bearer error="invalid_token"$/);
    assert.equal(response.headers.get("content-type"), "application/problem+json");
  }
});

for (const [what, header, challenge] of [
  ["no header", undefined, /^Bearer$/],
  ["another scheme", "Basic YTpi", /invalid_token/],
  ["no token", "Bearer", /invalid_token/],
  ["an empty token", "Bearer  ", /invalid_token/],
  ["two tokens", "Bearer a.b.c d.e.f", /invalid_token/],
  ["a list", "Bearer a.b.c, Bearer a.b.c", /invalid_token/],
  ["a scheme that only begins like it", "Bearerx a.b.c", /invalid_token/],
  ["markup", "Bearer <script>", /invalid_token/],
] as const) {
  test(`a request with ${what} for authorization is a 401 with a challenge`, async (t) => {
    const { ask } = await startService(t);
    const response = await ask("token", header);
    assert.equal(response.status, 401);
    assert.match(response.headers.get("www-authenticate") ?? "", challenge);
  });
}

test("the scheme is read in any case and with any number of spaces", async (t) => {
  const { core, ask } = await startService(t);
  const token = await core.userToken();
  for (const authorization of [`bearer ${token}`, `BEARER   ${token}`]) {
    assert.equal((await ask("token", authorization)).status, 200);
  }
});

test("a 403 names the level that is needed and the one that is there", async (t) => {
  const { core, ask } = await startService(t);
  const token = await core.userToken({ permission_level: "client" });
  const problem = (await (await ask("level", `Bearer ${token}`)).json()) as Record<string, unknown>;
  assert.equal(problem["detail"], "This needs permission level billing or admin; yours is client");
  assert.deepEqual(problem["required_levels"], ["billing", "admin"]);
  assert.equal(problem["permission_level"], "client");
});

test("R5: no token that was refused or accepted is in the log", async (t) => {
  const { core, ask, log } = await startService(t);
  const good = await core.userToken();
  await ask("token", `Bearer ${good}`);
  for (const { token } of forgedTokens(good, core.privateKey))
    await ask("token", `Bearer ${token}`);
  assert(log.lines.length > 30);
  const [, payload = "", signature = ""] = good.split(".");
  const text = log.lines.join("");
  assert(!text.includes(payload) && !text.includes(signature) && !text.includes("eyJ"));
});
