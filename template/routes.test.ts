// Who gets in: every route, and every kind of token.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { forgedTokens } from "@hivematrix/lib/forged_tokens_testing";
import { startTestCore } from "@hivematrix/lib/testing";
import { startService, testService } from "./testing.ts";

const service = await startService({ after });

/** The only route that answers without a token. */
const open = ["GET /health"];

/** Every route with a request that fits it. */
const doors = service.routes.map(({ method, path }) => ({
  name: `${method} ${path}`,
  knock: async (token?: string) => {
    const content = path.startsWith("/api/") ? { json: { text: "x" } } : { form: { text: "x" } };
    const init = method === "POST" ? { method, token, ...content } : { method, token };
    const response = await service.send(path.replace(":id", "1"), init);
    await response.arrayBuffer();
    return response;
  },
}));
const guarded = doors.filter(({ name }) => !open.includes(name));

const nowSeconds = Math.floor(Date.now() / 1000);
const claims = {
  iss: "hivematrix.core",
  sub: "x",
  jti: "x",
  iat: nowSeconds,
  exp: nowSeconds + 60,
};

/** Statuses by door. */
async function knockEverywhere(token?: string): Promise<Record<string, number>> {
  const statuses = guarded.map(async ({ name, knock }) => [name, (await knock(token)).status]);
  return Object.fromEntries(await Promise.all(statuses)) as Record<string, number>;
}

function everyDoor(status: number): Record<string, number> {
  return Object.fromEntries(guarded.map(({ name }) => [name, status]));
}

test("R22: no route but /health answers without a token", async () => {
  assert.ok(guarded.length >= 9);
  assert.deepEqual(await knockEverywhere(), everyDoor(401));
  for (const { name, knock } of guarded) {
    assert.equal((await knock()).headers.get("www-authenticate"), "Bearer", name);
  }
  const health = await service.send("/health");
  assert.deepEqual(await health.json(), {
    status: "ok",
    service: testService,
    checks: { database: "ok" },
  });
});

test("R22: what there is no route for is no way in either", async () => {
  for (const path of ["/admin", "/admin/", "/api", "/.env", "/views/index.mustache", "/x"]) {
    assert.equal((await service.send(path)).status, 404, path);
  }
});

test("R20: a person's token opens the pages and the API", async () => {
  const { token } = await service.newUser();
  for (const path of ["/", "/api/notes"]) {
    assert.equal((await service.send(path, { token })).status, 200, path);
  }
});

test("R20: a service's token for this service opens the API, but no person's page", async () => {
  const token = await service.core.serviceToken("codex", testService);
  const statuses = await knockEverywhere(token);
  assert.deepEqual(statuses, {
    "GET /": 403,
    "POST /": 403,
    "POST /notes/:id/delete": 403,
    "GET /admin/settings": 200,
    "GET /admin/service-call": 403,
    "GET /api/notes": 200,
    "POST /api/notes": 201,
    "DELETE /api/notes/:id": 404,
    "GET /api/data": 200,
  });
});

const otherKinds: Record<string, () => Promise<string>> = {
  "a service's token for another service": () => service.core.serviceToken("codex", "treasury"),
  "a service's token without a target": () =>
    service.core.sign({ ...claims, type: "service", calling_service: "codex" }),
  "an ID token, even one with Core's signature": () =>
    service.core.sign({ ...claims, aud: "core-client", nonce: "x", name: "Ada", groups: [] }),
  "a token of a type that is not known here": async () =>
    service.core.sign({ ...claims, type: "personal", permission_level: "admin", groups: [] }),
  "a token of another Core": async () => (await startTestCore({ after })).userToken(),
};
for (const [kind, makeToken] of Object.entries(otherKinds)) {
  test(`R20: ${kind} opens nothing`, async () => {
    assert.deepEqual(await knockEverywhere(await makeToken()), everyDoor(401));
  });
}

test("R19: no forged token opens the page, the API or the settings", async () => {
  const { token } = await service.newUser({ permission_level: "admin" });
  const paths = ["/", "/api/notes", "/admin/settings"];
  for (const path of paths) assert.equal((await service.send(path, { token })).status, 200, path);
  const forged = forgedTokens(token, service.core.privateKey);
  assert.ok(forged.length >= 30);
  for (const { name, token: bad } of forged) {
    for (const path of paths) {
      const response = await service.send(path, { token: bad });
      assert.equal(response.status, 401, `${path} with ${name}`);
    }
  }
});

test("an expired token opens nothing", async () => {
  const { token } = await service.newUser({ iat: nowSeconds - 3600, exp: nowSeconds - 1 });
  assert.deepEqual(await knockEverywhere(token), everyDoor(401));
});
