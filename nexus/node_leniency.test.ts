// What node:http itself accepts although it could mean two things: each is decided here, byte for
// byte as a client would send it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { sendRaw } from "@hivematrix/lib/raw_http_testing";
import { startForwarding } from "./forward_testing.ts";

test("R17, R18: what node lets through is refused, and reaches no service", async (t) => {
  const { nexus, authorization } = await startForwarding(t, {
    services: { helm: { admin_only: true } },
  });
  const { host } = nexus.url;
  const before = nexus.upstream.requests.length;
  const credential = `Authorization: ${authorization}`;
  const get = (target: string, ...more: string[]) => [
    `GET ${target} HTTP/1.1`,
    `Host: ${host}`,
    ...more,
  ];
  const cases: readonly (readonly [what: string, lines: readonly string[], status: number])[] = [
    ["two Host headers", get("/template/", "Host: evil.example"), 400],
    [
      "two Host headers, the other first",
      ["GET /template/ HTTP/1.1", "Host: evil.example", `Host: ${host}`],
      400,
    ],
    ["the same Host twice", get("/template/", `Host: ${host}`), 400],
    ["two Host headers in another case", get("/template/", "hOsT: evil.example"), 400],
    ["a list of hosts", ["GET /template/ HTTP/1.1", `Host: ${host}, evil.example`], 421],
    [
      "Transfer-Encoding in HTTP/1.0",
      ["POST /template/ HTTP/1.0", `Host: ${host}`, "Transfer-Encoding: chunked", "", "0"],
      400,
    ],
    ["an absolute form with another host", get("http://evil.example/template/"), 400],
    ["an absolute form with another port", get(`http://${nexus.url.hostname}:1/template/`), 400],
    ["an absolute form with a user", get(`http://root@${host}/template/`), 400],
    ["an absolute form of another scheme", get(`ftp://${host}/template/`), 400],
    ["a fragment", get("/template/#/../helm/"), 400],
    ["a fragment in the query", get("/template/?a#b"), 400],
    ["dot segments", get("/template/../helm/"), 400],
    ["encoded dot segments", get("/template/%2e%2e/helm/"), 400],
    ["half encoded dot segments", get("/template/.%2E/helm/"), 400],
    ["a dot segment at the end", get("/template/.."), 400],
    ["a dot segment with a parameter", get("/template/..;x/helm/"), 400],
    ["a backslash", get("/template/..\\helm/"), 400],
    ["a backslash at the start", get("/\\evil.example/"), 400],
    ["an encoded backslash", get("/template/..%5chelm/"), 400],
    ["two slashes at the start", get("//evil.example/template/"), 400],
    ["two slashes below the service", get("/template//evil.example/"), 400],
    ["an encoded slash", get("/template%2f..%2fhelm/"), 400],
    ["TRACE", ["TRACE /template/ HTTP/1.1", `Host: ${host}`], 405],
    ["a tab in the target", get("/template/\thelm/"), 400],
    ["a NUL in the target", get("/template/%00"), 400],
    ["no Host", ["GET /template/ HTTP/1.1"], 400],
    ["an empty Host", ["GET /template/ HTTP/1.1", "Host:"], 421],
  ];
  for (const [what, [line = "", ...head], status] of cases) {
    const answer = await sendRaw(nexus.url, [line, credential, "Connection: close", ...head]);
    assert.equal(Number(answer.split(" ", 2)[1]), status, `${what}: ${answer.slice(0, 200)}`);
  }
  assert.equal(nexus.upstream.requests.length, before, "nothing has reached the service");
});

test("R16: header names with underscores, and what Connection names, do not change what a service sees", async (t) => {
  const { nexus, authorization } = await startForwarding(t);
  const { host } = nexus.url;
  const send = (...head: string[]) =>
    sendRaw(nexus.url, [
      "GET /template/ HTTP/1.1",
      `Host: ${host}`,
      `Authorization: ${authorization}`,
      ...head,
    ]);
  await send("Connection: close, authorization, x-forwarded-for, x-request-id, host, cookie");
  assert.deepEqual(nexus.upstream.last.headers("authorization"), [authorization]);
  assert.deepEqual(nexus.upstream.last.headers("x-forwarded-for"), ["127.0.0.1"]);
  assert.equal(nexus.upstream.last.headers("x-request-id").length, 1);

  const forged =
    "Authorization X_Forwarded_For X_Forwarded_User X_Request_ID X_Real_IP Content_Length";
  const names = forged.split(" ").slice(1);
  await send("Connection: close", ...names.map((name) => `${name}: 6`));
  const seen = nexus.upstream.last.rawHeaders.filter((_, i) => i % 2 === 0);
  assert.ok(
    seen.every((name) => !name.includes("_")),
    seen.join(),
  );
});

test("an absolute form that names this host is the same request as the path alone", async (t) => {
  const { nexus, authorization } = await startForwarding(t);
  const head = [`Host: ${nexus.url.host}`, `Authorization: ${authorization}`, "Connection: close"];
  const answer = await sendRaw(nexus.url, [`GET ${nexus.origin}/template/a?b HTTP/1.1`, ...head]);
  assert.match(answer, /^HTTP\/1\.1 200 /);
  assert.equal(nexus.upstream.last.target, "/a?b");
});
