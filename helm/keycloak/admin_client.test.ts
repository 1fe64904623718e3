import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type Handler, router } from "@hivematrix/lib/router";
import { serve } from "@hivematrix/lib/serve";
import { createTestLog } from "@hivematrix/lib/testing";
import { createIdentityAdmin } from "./admin_client.ts";
import { IdentityError, SessionsLeftError } from "./identity_error.ts";

/** A provider that gives numbered tokens and answers users as the test says. */
async function startProvider(
  t: TestContext,
  {
    expiresIn = 60,
    timeoutMs = 15_000,
    users,
  }: {
    expiresIn?: number;
    timeoutMs?: number;
    users: (token: string) => Response | Promise<Response>;
  },
) {
  const asked = { tokens: 0, users: 0 };
  const answerUsers: Handler = (request) => {
    asked.users++;
    return users(request.headers.get("authorization") ?? "");
  };
  const path = "/admin/realms/hivematrix/users";
  const handle = router(
    [
      {
        method: "POST",
        path: "/realms/hivematrix/protocol/openid-connect/token",
        handler: () => Response.json({ access_token: `t${++asked.tokens}`, expires_in: expiresIn }),
      },
      { method: "GET", path, handler: answerUsers },
      { method: "DELETE", path: "/admin/realms/hivematrix/sessions/:id", handler: answerUsers },
    ],
    { service: "provider", log: createTestLog() },
  );
  const server = await serve(handle, { port: 0 });
  const client = { realm: "hivematrix", clientId: "helm", clientSecret: "secret" };
  const admin = createIdentityAdmin(
    { ...client, backendUrl: `${server.url.origin}/` },
    { timeoutMs },
  );
  t.after(async () => {
    await admin.close();
    await server.close();
  });
  return { admin, asked };
}

const ok = () => Response.json([]);

test("one token serves many questions", async (t) => {
  const { admin, asked } = await startProvider(t, { users: ok });
  await admin.listUsers();
  await Promise.all([admin.listUsers(), admin.listUsers()]);
  assert.deepEqual(asked, { tokens: 1, users: 3 });
});

test("a token that is about to end is not used any more", async (t) => {
  const { admin, asked } = await startProvider(t, { expiresIn: 0, users: ok });
  t.mock.method(performance, "now", () => asked.tokens * 1000);
  await admin.listUsers();
  await admin.listUsers();
  assert.equal(asked.tokens, 2);
});

test("a token that is refused is replaced once, and the question asked again", async (t) => {
  const { admin, asked } = await startProvider(t, {
    users: (token) => (token === "Bearer t1" ? new Response(null, { status: 401 }) : ok()),
  });
  await admin.listUsers();
  assert.deepEqual(asked, { tokens: 2, users: 2 });
});

test("a client that may not administer is told which role it lacks", async (t) => {
  for (const status of [401, 403]) {
    const { admin, asked } = await startProvider(t, {
      users: () => Response.json({ error: "HTTP 403 Forbidden" }, { status }),
    });
    await assert.rejects(admin.listUsers(), (error) => {
      assert.ok(error instanceof IdentityError);
      assert.equal(error.status, status);
      assert.match(error.message, /^Cannot list users: .*"helm".*realm-admin.*hivematrix/);
      return true;
    });
    assert.equal(asked.users, status === 401 ? 2 : 1);
  }
});

test("a change without an answer in time may have happened, a question may not", async (t) => {
  const users = () => new Promise<Response>(() => {});
  const { admin } = await startProvider(t, { timeoutMs: 1000, users });
  const late = (mayHaveActed: boolean) => (error: unknown) => {
    assert.ok(error instanceof IdentityError);
    assert.match(error.message, /did not answer within 1 s, see "helm status"$/);
    assert.equal(error.mayHaveActed, mayHaveActed);
    return true;
  };
  await assert.rejects(admin.endSession("s"), late(true));
  await assert.rejects(admin.listUsers(), late(false));
});

test("a provider that fails at a change may have made it", async (t) => {
  const { admin } = await startProvider(t, { users: () => new Response("oh", { status: 500 }) });
  await assert.rejects(admin.endSession("s"), { status: 500, mayHaveActed: true });
  await assert.rejects(admin.listUsers(), { status: 500, mayHaveActed: false });
});

test("an id that would lead elsewhere is not asked for", async (t) => {
  const { admin, asked } = await startProvider(t, { users: ok });
  for (const id of ["", ".", ".."]) {
    await assert.rejects(admin.endSession(id), {
      message: `Cannot ask the identity provider: "${id}" is no id`,
    });
  }
  assert.equal(asked.users, 0);
});

test("a change whose sessions could not be ended says that the change itself is made", async (t) => {
  const handle = router(
    [
      {
        method: "POST",
        path: "/realms/hivematrix/protocol/openid-connect/token",
        handler: () => Response.json({ access_token: "t", expires_in: 60 }),
      },
      {
        method: "PUT",
        path: "/admin/realms/hivematrix/users/:id",
        handler: () => new Response(null, { status: 204 }),
      },
    ],
    { service: "provider", log: createTestLog() },
  );
  const server = await serve(handle, { port: 0 });
  const client = { realm: "hivematrix", clientId: "helm", clientSecret: "secret" };
  const admin = createIdentityAdmin({ ...client, backendUrl: server.url.origin });
  t.after(async () => {
    await admin.close();
    await server.close();
  });
  await assert.rejects(admin.setEnabled("ada", false), (error) => {
    assert.ok(error instanceof SessionsLeftError);
    assert.match(error.message, /^Cannot end the sessions of user ada, who is disabled: /);
    assert.equal(error.mayHaveActed, true);
    return true;
  });
  await admin.setEnabled("ada", true);
});
