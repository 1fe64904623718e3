// What other sites' pages can make a browser send, against the running gateway (R14, R15).
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { sendRaw } from "@hivematrix/lib/raw_http_testing";
import { startNexus, type TestNexus } from "./testing.ts";

describe("requests from other sites' pages", () => {
  let nexus: TestNexus;
  let token: string;
  let cookie: string;
  const cleanUps: (() => unknown)[] = [];
  before(async () => {
    const scope = { after: (cleanUp: () => unknown) => cleanUps.unshift(cleanUp) };
    nexus = await startNexus(scope);
    token = await nexus.obtainToken();
    const browser = await nexus.signIn();
    cookie = `Cookie: ${browser.sessionCookie?.name}=${browser.sessionCookie?.value}`;
    nexus.upstream.answer((_incoming, outgoing) => void outgoing.end("reached"));
  });
  after(async () => {
    for (const cleanUp of cleanUps) await cleanUp();
  });

  const ask = async (method: string, path: string, ...head: readonly string[]) => {
    const lines = [`${method} ${path} HTTP/1.1`, `Host: ${nexus.url.host}`, "Connection: close"];
    const answer = await sendRaw(nexus.url, [...lines, "Content-Length: 0", ...head]);
    return Number(answer.split(" ", 2)[1]);
  };

  test("R14: the table of Go's CrossOriginProtection, row by row, for whoever relies on the cookie", async () => {
    // net/http/csrf_test.go, TestCrossOriginProtectionSecFetchSite and …Method.
    const own = nexus.origin;
    const rows: readonly (readonly [method: string, site: string, origin: string, ok: boolean])[] =
      [
        ["POST", "same-origin", "", true],
        ["POST", "none", "", true],
        ["POST", "cross-site", "", false],
        ["POST", "same-site", "", false],
        ["POST", "", "", true],
        ["POST", "", own, true],
        ["POST", "", "https://attacker.example", false],
        ["POST", "", "null", false],
        ["GET", "cross-site", "", true],
        ["HEAD", "cross-site", "", true],
        ["OPTIONS", "cross-site", "", true],
        ["PUT", "cross-site", "", false],
        ["DELETE", "cross-site", "", false],
        ["PATCH", "cross-site", "", false],
        // Stricter than Go, which compares the host alone: another scheme is another origin.
        ["POST", "", own.replace("http:", "https:"), false],
        ["POST", "", `${own}0`, false],
        ["POST", "", `${own}.attacker.example`, false],
        ["POST", "", own.replace("//", "//attacker.example@"), false],
        ["POST", "", `${own} https://attacker.example`, false],
        ["POST", "cross-site", own, false],
        ["POST", "same-origin", "https://attacker.example", true],
      ];
    for (const [method, site, origin, ok] of rows) {
      const head = [cookie, site && `Sec-Fetch-Site: ${site}`, origin && `Origin: ${origin}`];
      const status = await ask(method, "/template/x", ...head.filter((line) => line !== ""));
      assert.equal(status, ok ? 200 : 403, `${method} "${site}" "${origin}"`);
    }
  });

  test("R14: a header that comes twice, or in another case, does not help", async () => {
    for (const head of [
      ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-origin"],
      ["Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: cross-site"],
      ["Sec-Fetch-Site: Same-Origin"],
      ["Sec_Fetch_Site: same-origin", "Origin: https://attacker.example"],
      [`Origin: https://attacker.example`, `X-Forwarded-Host: attacker.example`],
    ]) {
      assert.equal(await ask("POST", "/template/x", cookie, ...head), 403, head.join());
    }
  });

  test("R14: Nexus's own pages are judged like a service's, and a client with a token not at all", async () => {
    const foreign = "Sec-Fetch-Site: cross-site";
    for (const path of ["/logout", "/sessions?end=others", "/api/me", "/login"]) {
      assert.equal(await ask("POST", path, cookie, foreign), 403, path);
    }
    // No page can make a browser send this header with somebody's token in it.
    assert.equal(await ask("POST", "/template/x", `Authorization: Bearer ${token}`, foreign), 200);
    const both = [cookie, `Authorization: Bearer ${token}x`, foreign];
    assert.equal(await ask("POST", "/template/x", ...both), 401, "nor is the cookie used then");
    assert.equal(
      await ask("POST", "/template/x", cookie, "Authorization: Basic YTpi", foreign),
      403,
    );
  });

  test("R15: a WebSocket of another origin's page is refused, however alike it looks", async () => {
    const own = nexus.origin;
    const upgrade = [
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    const lines = ["GET /template/live HTTP/1.1", `Host: ${nexus.url.host}`, cookie, ...upgrade];
    const handshake = async (...head: readonly string[]) =>
      Number((await sendRaw(nexus.url, [...lines, ...head])).split(" ", 2)[1]);
    const reached = () => nexus.upstream.requests.filter(({ target }) => target === "/live").length;
    const { hostname, port } = nexus.url;
    for (const origin of [
      "null",
      "https://attacker.example",
      own.replace("http:", "https:"),
      own.replace("http:", "ws:"),
      `http://${hostname}`,
      `http://${hostname}:${Number(port) + 1}`,
      `${own}.attacker.example`,
      `http://${hostname}.attacker.example:${port}`,
      `http://attacker.example/${nexus.url.host}`,
      `http://${nexus.url.host}@attacker.example`,
      `${own}/`,
      `${own}, https://attacker.example`,
      `${own} `.padEnd(own.length + 3, "x"),
      `http://localhost:${port}`,
      "file://",
      "chrome-extension://abcdefghijklmnop",
    ]) {
      assert.equal(await handshake(`Origin: ${origin}`), 403, origin);
    }
    assert.equal(reached(), 0);
    // The service is no WebSocket server: its own answer shows that it was asked.
    assert.equal(await handshake(`Origin: ${own}`), 200);
    assert.equal(await handshake(), 200, "no browser");
    assert.equal(reached(), 2);
  });

  test("R15: a WebSocket without a session is refused, as is one whose session has ended", async () => {
    const upgrade = ["Upgrade: websocket", "Connection: Upgrade", `Origin: ${nexus.origin}`];
    const own = ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="];
    const handshake = async (line: string) => {
      const head = [line, ...upgrade, ...own, "Accept: */*", "Sec-Fetch-Mode: websocket"];
      return await ask("GET", "/template/live", ...head.slice(0));
    };
    assert.equal(await handshake("X-None: 1"), 401);
    const leaver = await nexus.signIn();
    const { name = "", value = "" } = leaver.sessionCookie ?? {};
    const headers = { "sec-fetch-site": "same-origin" };
    await leaver.request("/logout", { method: "POST", headers });
    assert.equal(await handshake(`Cookie: ${name}=${value}`), 401);
  });
});
