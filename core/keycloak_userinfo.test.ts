import assert from "node:assert/strict";
import { createServer } from "node:net";
import { type TestContext, test } from "node:test";
import { HttpError } from "@hivematrix/lib/http_error";
import { waitFor } from "@hivematrix/lib/wait_for";
import { type Keycloak, openidEndpoint } from "./keycloak.ts";
import { readUserinfo } from "./keycloak_userinfo.ts";
import { adaUserinfo } from "./testing.ts";
import { startTestProvider } from "./testing_provider.ts";

const fails = (status: number, text?: RegExp) => (error: unknown) => {
  assert.ok(error instanceof HttpError, String(error));
  assert.equal(error.status, status);
  if (status === 503) assert.equal(error.headers["retry-after"], "2");
  if (text !== undefined) assert.match(error.message, text);
  return true;
};

async function readAnswer(t: TestContext, answer: object) {
  const provider = await startTestProvider(t);
  return await readUserinfo(provider.keycloak, provider.giveAccessToken(answer));
}

async function readResponse(t: TestContext, answer: () => Response) {
  const provider = await startTestProvider(t);
  provider.misbehave(answer);
  return await readUserinfo(provider.keycloak, "token");
}

test("an access token's owner is who the provider says", async (t) => {
  assert.deepEqual(await readAnswer(t, adaUserinfo), adaUserinfo);
});

test("claims that are missing or of another type get harmless values", async (t) => {
  const nothing = { name: "s", email: "", preferred_username: "s", groups: [] };
  assert.deepEqual(await readAnswer(t, { sub: "s" }), { sub: "s", ...nothing });
  const odd = { sub: "s", name: 7, email: ["x"], preferred_username: null, groups: "admins" };
  assert.deepEqual(await readAnswer(t, odd), { sub: "s", ...nothing });
  const named = await readAnswer(t, { sub: "s", preferred_username: "ada", groups: [1, null] });
  assert.deepEqual(named, { ...named, name: "ada", groups: [] });
});

test("a group with a control character is left out, not mended into a stronger one", async (t) => {
  const groups = ["admins\u0000", "\u0007admins", "admins\ud800", "billing"];
  assert.deepEqual((await readAnswer(t, { sub: "s", groups })).groups, ["billing"]);
});

test("control characters do not get into what is shown", async (t) => {
  const read = await readAnswer(t, {
    sub: "s",
    name: "A\u001b[31mda\u0000\r\n",
    email: "a\u0000@b",
  });
  assert.equal(read.name, "A[31mda");
  assert.equal(read.email, "a@b");
});

test("an answer without a usable sub names nobody: 401", async (t) => {
  const subs = [undefined, null, "", 7, ["ada"], { toString: "ada" }, "a\u0000", "x".repeat(256)];
  for (const sub of subs) {
    await assert.rejects(readAnswer(t, { ...adaUserinfo, sub }), fails(401));
  }
});

test("a token that the provider refuses is 401", async (t) => {
  for (const status of [400, 401, 403]) {
    const answer = () => Response.json({ error: "invalid_token" }, { status });
    await assert.rejects(readResponse(t, answer), fails(401, /refuses it/));
  }
});

test("any other status is the provider's trouble: 503 that names it", async (t) => {
  for (const status of [204, 302, 404, 429, 500, 502, 503]) {
    const headers = { location: "https://attacker.example/" };
    const answer = () => new Response(null, { status, headers });
    await assert.rejects(readResponse(t, answer), fails(503, new RegExp(String(status))));
  }
});

test("a redirect is not followed: the access token goes to nobody else", async (t) => {
  const elsewhere = await startTestProvider(t);
  let isAsked = false;
  elsewhere.misbehave(() => {
    isAsked = true;
    return Response.json(adaUserinfo);
  });
  const location = openidEndpoint(elsewhere.keycloak, "userinfo").href;
  const answer = () => new Response(null, { status: 307, headers: { location } });
  await assert.rejects(readResponse(t, answer), fails(503));
  assert.equal(isAsked, false);
});

test("an answer that is no JSON object is 503", async (t) => {
  for (const text of ["", "<html>", "[]", "null", '"ada"', "{", "eyJhbGciOiJSUzI1NiJ9.e30.AAAA"]) {
    await assert.rejects(
      readResponse(t, () => new Response(text)),
      fails(503, /no JSON object/),
    );
  }
});

test("an answer without end is cut off", async (t) => {
  const chunk = Buffer.alloc(64 * 1024, "x");
  let isStopped = false;
  const answer = () =>
    new Response(
      new ReadableStream({
        pull(controller) {
          controller.enqueue(chunk);
        },
        cancel() {
          isStopped = true;
        },
      }),
    );
  await assert.rejects(readResponse(t, answer), fails(503, /larger than/));
  await waitFor(() => isStopped, { what: "the connection to be closed" });
});

test("a provider that is not there is 503", async (t) => {
  const provider = await startTestProvider(t);
  await provider.stop();
  await assert.rejects(readUserinfo(provider.keycloak, "token"), fails(503, /cannot be reached/));
});

test("a provider that accepts and says nothing is given up after the time limit", async (t) => {
  const silent = createServer((socket) => t.after(() => socket.destroy()));
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  t.after(() => silent.close());
  const { port } = silent.address() as { port: number };
  const keycloak: Keycloak = {
    backendUrl: `http://127.0.0.1:${port}`,
    realm: "hivematrix",
    clientId: "c",
    clientSecret: "s",
  };
  const asked = readUserinfo(keycloak, "token", { timeoutMs: 100 });
  await assert.rejects(asked, fails(503, /within 100 ms/));
});

test("a provider that stops in the middle of its answer is given up after the time limit", async (t) => {
  const provider = await startTestProvider(t);
  provider.misbehave(
    () => new Response(new ReadableStream({ start: (c) => c.enqueue(Buffer.from('{"sub":')) })),
  );
  const asked = readUserinfo(provider.keycloak, "token", { timeoutMs: 100 });
  await assert.rejects(asked, fails(503, /within 100 ms/));
});

test("a provider that was restarted is asked again at once", async (t) => {
  const provider = await startTestProvider(t);
  const token = provider.giveAccessToken(adaUserinfo);
  for (let round = 0; round < 3; round++) {
    assert.equal((await readUserinfo(provider.keycloak, token)).sub, "ada-sub");
    await provider.stop();
    await provider.restart();
  }
});

test("no connection to the provider is kept, which it might close when the next one signs in", async (t) => {
  const provider = await startTestProvider(t);
  provider.misbehave((request) => Response.json({ sub: request.headers.get("connection") }));
  assert.equal((await readUserinfo(provider.keycloak, "token")).sub, "close");
});

test("a token that could smuggle a header is 400 and goes nowhere", async (t) => {
  const provider = await startTestProvider(t);
  let isAsked = false;
  provider.misbehave(() => {
    isAsked = true;
    return Response.json(adaUserinfo);
  });
  for (const token of ["a\r\nx-admin: 1", "a b", "a\u0000", "ä", "a,b", '"a"', " a", "=a"]) {
    await assert.rejects(readUserinfo(provider.keycloak, token), fails(400));
  }
  assert.equal(isAsked, false);
});

test("the endpoint's address is the realm's, whatever the realm is called", () => {
  const at = (backendUrl: string, realm: string) =>
    openidEndpoint({ backendUrl, realm, clientId: "c", clientSecret: "s" }, "userinfo").href;
  const path = "protocol/openid-connect/userinfo";
  assert.equal(at("http://127.0.0.1:8080", "hive"), `http://127.0.0.1:8080/realms/hive/${path}`);
  assert.equal(at("http://kc/auth/", "hive"), `http://kc/auth/realms/hive/${path}`);
  assert.equal(at("http://kc", "a/../b ?"), `http://kc/realms/a%2F..%2Fb%20%3F/${path}`);
});
