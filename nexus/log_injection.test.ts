// R26: nothing that somebody sends can forge a line of the log, split one, hide a part of it or drive
// the terminal of whoever reads it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { sendRaw } from "@hivematrix/lib/raw_http_testing";
import { startWithEmbeddedProvider } from "./embedded_provider_testing.ts";
import { startNexus, type TestNexus } from "./testing.ts";

const forgedLine =
  '{"time":"2020-01-01T00:00:00.000Z","level":"info","service":"nexus","message":"signed in"}';

const corpus: readonly string[] = [
  `x\r\n${forgedLine}`,
  `x\n${forgedLine}\n`,
  `x\r${forgedLine}`,
  `x\u0085${forgedLine}`,
  `x\u2028${forgedLine}\u2029`,
  `x\v\f${forgedLine}`,
  'x","level":"error","x":"y',
  '\\","level":"error',
  "x\u001b[2J\u001b[1;31mroot\u001b[0m",
  "x\u001b]0;title\u0007",
  "x\u001bP$q\u001b\\",
  "x\u009b31mroot\u009b0m",
  "x\b\b\b\b\b\bsigned in",
  "x\u0000y",
  "x\u007fy",
  "user\u202egnp.exe",
  "user\u2066right\u2069",
  "admin\u200b\u200d\u2060\ufeff",
  "x\u00ady\u061c\u180e",
  "x\u{e0041}\u{e0042}y",
  "x\ud800y",
  "%0d%0aforged %1b[31m %E2%80%AE",
  `\${jndi:ldap://evil.example/x}`,
];

/** Bytes of a header or target, as node reads them. */
const asBytes = (text: string) => Buffer.from(text).toString("latin1");

/** For an address; half a pair of surrogates becomes what a browser makes of it. */
const encode = (text: string) => encodeURIComponent(Buffer.from(text).toString());

function assertClean(lines: readonly string[]): void {
  for (const line of lines) {
    assert.match(line, /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+\n$/u, JSON.stringify(line));
    const parsed = JSON.parse(line) as Record<string, unknown>;
    assert.deepEqual(Object.keys(parsed).slice(0, 4), ["time", "level", "service", "message"]);
    assert.ok(Date.parse(String(parsed["time"])) > Date.UTC(2026, 0, 1), line);
    assert.match(String(parsed["time"]), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  }
}

const hasText = (lines: readonly string[], text: string) =>
  lines.some((line) =>
    JSON.stringify(JSON.parse(line)).includes(JSON.stringify(text).slice(1, -1)),
  );

/** Each of these is sent, by itself, in every place of a request where a client can put it. */
function requestsWith({ url }: TestNexus, hostile: string): string[][] {
  const host = `Host: ${url.host}`;
  const bytes = asBytes(hostile);
  const encoded = encode(hostile);
  const names = "User-Agent Referer Origin Accept Cookie Authorization X-Request-ID Traceparent";
  const more = "X-Forwarded-For Sec-Fetch-Site Content-Type If-None-Match Forwarded";
  return [
    [`GET /${bytes} HTTP/1.1`, host],
    [`GET /${encoded} HTTP/1.1`, host],
    [`GET /x?${bytes} HTTP/1.1`, host],
    [`GET /keycloak-callback?state=${encoded}&iss=${encoded} HTTP/1.1`, host],
    [`GET /login?next=${encoded} HTTP/1.1`, host],
    [`GET /keycloak/realms/${encoded} HTTP/1.1`, host],
    [`POST /sessions?end=${encoded} HTTP/1.1`, host, "Content-Length: 0"],
    [`${bytes} / HTTP/1.1`, host],
    ["GET / HTTP/1.1", `Host: ${bytes}`],
    ["GET / HTTP/1.1", host, `${bytes}: 1`],
    ["GET /template/ HTTP/1.1", host, `Upgrade: ${bytes}`, "Connection: upgrade"],
    [
      "POST /x HTTP/1.1",
      host,
      `Upgrade: ${bytes}`,
      "Connection: upgrade",
      "Content-Length: 1",
      "",
      "x",
    ],
    ...`${names} ${more}`
      .split(" ")
      .map((name) => ["POST /template/ HTTP/1.1", host, `${name}: ${bytes}`, "Content-Length: 0"]),
  ];
}

test("R26: no field of a request can forge or hide a part of Nexus's log", async (t) => {
  const nexus = await startNexus(t);
  for (const hostile of corpus) {
    for (const [line = "", ...head] of requestsWith(nexus, hostile)) {
      await sendRaw(nexus.url, [line, "Connection: close", ...head]);
    }
  }
  assert.ok(nexus.logLines.length > corpus.length * 5);
  assertClean(nexus.logLines);
  assertClean(nexus.core.logLines);
  assert.ok(hasText(nexus.logLines, "${jndi:ldap"), "what was sent is there all the same");
  assert.ok(
    nexus.logLines.some((line) => line.includes('\\\\\\",\\"level')),
    "in the log as text",
  );
});

test("R26: nothing that a provider or a service says can either", async (t) => {
  const nexus = await startNexus(t);
  for (const hostile of corpus) {
    nexus.provider.wrong = {
      callback: (parameters) => {
        parameters.delete("code");
        parameters.set("error", hostile);
        parameters.set("error_description", hostile);
      },
    };
    await nexus.openBrowser().open("/login");
    nexus.provider.wrong = {
      tokenAnswer: () => ({ status: 400, body: { error: hostile, error_description: hostile } }),
    };
    await nexus.openBrowser().open("/login");
    nexus.provider.wrong = { claims: (claims) => ({ ...claims, iss: hostile, sub: hostile }) };
    await nexus.openBrowser().open("/login");
    nexus.provider.wrong = {
      userinfo: (body) => ({ body: { ...body, name: hostile, groups: [hostile] } }),
    };
    nexus.provider.person = { sub: hostile, name: hostile, preferred_username: hostile };
    await nexus.openBrowser().open("/login");
    nexus.provider.wrong = {};
  }
  assertClean(nexus.logLines);
  assertClean(nexus.core.logLines);
  const failed = nexus.logLines.filter((line) => line.includes('"message":"sign-in failed"'));
  assert.ok(failed.length >= 2 * corpus.length);
  assert.ok(hasText(failed, "\u202egnp.exe"), "the reason is there");
});

test("R26: no field of a sign-in can forge or hide a part of the provider's log", async (t) => {
  const { nexus, provider } = await startWithEmbeddedProvider(t);
  const browser = nexus.openBrowser();
  const realm = "/keycloak/realms/hivematrix/protocol/openid-connect";
  const form = await browser.open("/login");
  const foreign = { "sec-fetch-site": "cross-site" };
  for (const hostile of corpus) {
    const encoded = encode(hostile);
    const query = `client_id=${encoded}&redirect_uri=${encoded}&scope=${encoded}&response_type=${encoded}`;
    await browser.request(`${realm}/auth?${query}`);
    await browser.request(
      `${realm}/auth?client_id=core-client&redirect_uri=${encoded}&scope=${encoded}`,
    );
    await browser.request(
      `${realm}/logout?id_token_hint=${encoded}&post_logout_redirect_uri=${encoded}`,
    );
    await browser.request(`/keycloak/realms/hivematrix/${encode(hostile)}`);
    const body = `grant_type=${encoded}&code=${encoded}&client_id=${encoded}&client_secret=${encoded}`;
    const type = { "content-type": "application/x-www-form-urlencoded" };
    await browser.request(`${realm}/token`, { method: "POST", body, headers: type });
    // Refused before a password is looked at, which would take its time.
    await browser.submit(form, { username: hostile, password: hostile }, foreign);
    const head = [`GET ${realm}/userinfo HTTP/1.1`, `Host: ${nexus.url.host}`, "Connection: close"];
    await sendRaw(nexus.url, [
      ...head,
      `Authorization: Bearer ${asBytes(hostile)}`,
      `User-Agent: ${asBytes(hostile)}`,
    ]);
  }
  for (const hostile of corpus.slice(0, 3)) {
    await browser.submit(form, { username: hostile, password: hostile });
  }
  assert.ok(provider.lines.length > corpus.length * 2);
  assertClean(provider.lines);
  assertClean(nexus.logLines);
});
