import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { parse, serialize } from "parse5";
import { ada } from "./hostile_provider_testing.ts";
import { startNexus, type TestNexus } from "./testing.ts";
import { upstreamPage } from "./upstream_testing.ts";

const html = { "content-type": "text/html; charset=utf-8" };
const script = { "sec-fetch-mode": "cors", "sec-fetch-dest": "empty", accept: "*/*" };

/** Lets the service answer this, whatever it is asked. */
function answerWith(
  { upstream }: TestNexus,
  headers: Record<string, string | string[]>,
  body: string | Buffer = upstreamPage,
  status = 200,
): void {
  upstream.answer((_incoming, outgoing) => void outgoing.writeHead(status, headers).end(body));
}

const scriptTag =
  /<script async(?: nonce="[\w+/]{22}==")? src="\/static\/session_watch\.[\w-]{16}\.js" data-person="[\w-]{16}" data-ends-in="\d+"><\/script>/;

const isComposed = (body: string) =>
  /<link rel="stylesheet" href="\/static\/global\.[\w-]+\.css"><script [^>]*><\/script><\/head>/.test(
    body,
  ) &&
  scriptTag.test(body) &&
  /<body><nav class="side-panel"/.test(body);

test("a service's page gets the stylesheet and the side panel, and stays what it was", async (t) => {
  const nexus = await startNexus(t);
  const browser = await nexus.signIn();
  const page = await browser.request("/template/");
  assert.ok(isComposed(page.body), page.body);
  assert.match(page.body, /Ada Lovelace/);
  assert.match(page.body, /technician/);
  assert.match(page.body, /<form[^>]* method="post" action="&#x2F;logout"/);
  assert.match(page.body, /href="&#x2F;template&#x2F;" aria-current="page"/);
  const tree = serialize(parse(page.body.replace(scriptTag, "")));
  const without = tree
    .replace(/<nav class="side-panel".*?<\/nav>/s, "")
    .replace(/<meta name="viewport"[^>]*><meta name="color-scheme"[^>]*><link[^>]*>/, "");
  assert.equal(without, serialize(parse(upstreamPage)));
  const [, sheet = ""] = /<link rel="stylesheet" href="([^"]*)"/.exec(page.body) ?? [];
  assert.equal((await browser.request(sheet)).header("content-type"), "text/css; charset=utf-8");
  const [, watch = ""] = /<script [^>]* src="([^"]*)"/.exec(page.body) ?? [];
  const kept = await browser.request(watch);
  assert.equal(kept.header("content-type"), "text/javascript; charset=utf-8");
  assert.match(kept.header("cache-control") ?? "", /immutable/);
});

test("what is no document of the browser's window stays untouched", async (t) => {
  const nexus = await startNexus(t);
  const browser = await nexus.signIn();
  const requests: readonly Record<string, string | undefined>[] = [
    script,
    { "sec-fetch-dest": "iframe" },
    { "hx-request": "true", "sec-fetch-dest": undefined },
    { "x-requested-with": "XMLHttpRequest", "sec-fetch-dest": undefined },
    { range: "bytes=0-10", "sec-fetch-dest": undefined },
    { "cache-control": "no-transform" },
  ];
  answerWith(nexus, { ...html, etag: '"1"', "content-length": String(upstreamPage.length) });
  for (const headers of requests) {
    const page = await browser.request("/template/", { headers });
    assert.equal(page.body, upstreamPage, JSON.stringify(headers));
    assert.equal(page.header("etag"), '"1"');
    assert.equal(page.header("content-length"), String(upstreamPage.length));
    assert.equal(page.header("vary"), "Sec-Fetch-Dest", "a copy of it is no document");
  }
});

test("answers that must not or cannot be changed stay untouched, headers included", async (t) => {
  const nexus = await startNexus(t);
  const browser = await nexus.signIn();
  const utf16 = { "content-type": "text/html; charset=utf-16le" };
  const answers: readonly (readonly [number, Record<string, string>, string | Buffer])[] = [
    [206, { ...html, "content-range": "bytes 0-9/99" }, "<!DOCTYPE "],
    [200, { ...html, "cache-control": "no-transform, max-age=9" }, upstreamPage],
    [200, { ...html, "content-encoding": "gzip" }, gzipSync(upstreamPage)],
    [200, utf16, Buffer.from(upstreamPage, "utf16le")],
    [200, html, Buffer.from(`\ufeff${upstreamPage}`, "utf16le")],
    [200, { ...html, "content-disposition": "attachment" }, upstreamPage],
    [200, { "content-type": "application/json" }, upstreamPage],
    [200, {}, upstreamPage],
  ];
  for (const [status, headers, body] of answers) {
    answerWith(nexus, { ...headers, etag: '"1"' }, body, status);
    const page = await browser.request("/template/");
    assert.equal(page.status, status);
    assert.ok(page.bytes.equals(Buffer.from(body)), JSON.stringify(headers));
    if (!headers["content-type"]?.endsWith("utf-8") || status !== 200) {
      assert.equal(page.header("etag"), '"1"');
    }
  }
  answerWith(nexus, { ...html, etag: '"1"' }, "", 304);
  const unchanged = await browser.request("/template/", { headers: { "if-none-match": '"1"' } });
  assert.equal(unchanged.status, 304);
  assert.equal(unchanged.header("etag"), '"1"');
});

test("the service is asked for a document as it is, and for anything else as the browser asks", async (t) => {
  const nexus = await startNexus(t);
  const browser = await nexus.signIn();
  const encodings = { "accept-encoding": "gzip, br" };
  await browser.request("/template/", { headers: encodings });
  assert.deepEqual(nexus.upstream.last.headers("accept-encoding"), ["identity"]);
  await browser.request("/template/a.js", { headers: { ...script, ...encodings } });
  assert.deepEqual(nexus.upstream.last.headers("accept-encoding"), ["gzip, br"]);
});

test("a composed page's headers are true: its own length or none, no validator, nothing to be stored", async (t) => {
  const nexus = await startNexus(t);
  const browser = await nexus.signIn();
  answerWith(nexus, {
    ...html,
    etag: '"1"',
    "last-modified": "Thu, 01 Jan 2026 00:00:00 GMT",
    "content-length": String(upstreamPage.length),
    "cache-control": "public, max-age=3600",
    "set-cookie": "sid=1; Path=/",
  });
  for (const method of ["GET", "HEAD"] as const) {
    const page = await browser.request("/template/", { method });
    assert.equal(isComposed(page.body), method === "GET");
    assert.equal(page.header("etag"), undefined);
    assert.equal(page.header("last-modified"), undefined);
    const length = page.header("content-length");
    if (method === "HEAD") assert.equal(length, undefined, "of a page that was not made");
    else assert.equal(Number(length), Buffer.byteLength(page.body));
    assert.equal(page.header("cache-control"), "no-store");
    assert.deepEqual(page.setCookies, ["sid=1; Path=/template"]);
  }
});

test("a strict policy of a service lets stylesheet and script in and keeps everything else out", async (t) => {
  const nexus = await startNexus(t);
  const browser = await nexus.signIn();
  answerWith(nexus, { ...html, "content-security-policy": "default-src 'none'; form-action x" });
  const page = await browser.request("/template/");
  const [, watch = ""] = /<script [^>]* src="([^"]*)"/.exec(page.body) ?? [];
  const { origin } = nexus;
  const expected = [
    "default-src 'none'",
    `form-action x ${origin}/logout`,
    `style-src ${origin}/static/`,
    `script-src ${origin}${watch}`,
    `connect-src ${origin}/api/session, frame-ancestors 'self'`,
  ];
  assert.equal(page.header("content-security-policy"), expected.join("; "));
  const fetched = await browser.request("/template/", { headers: script });
  assert.match(
    fetched.header("content-security-policy") ?? "",
    /^default-src 'none'; form-action x,/,
  );
});

test("a page in a sandbox gets stylesheet and panel, and no script", async (t) => {
  const nexus = await startNexus(t);
  const browser = await nexus.signIn();
  const policy = ["script-src 'self'", "sandbox allow-scripts"];
  answerWith(nexus, { ...html, "content-security-policy": policy });
  const page = await browser.request("/template/");
  assert.match(page.body, /global\.[\w-]+\.css"><\/head><body><nav/);
  assert.doesNotMatch(page.header("content-security-policy") ?? "", /session/);
});

test("a policy with 'strict-dynamic' knows the script by a nonce that no other page has", async (t) => {
  const nexus = await startNexus(t);
  const browser = await nexus.signIn();
  const policy = "script-src 'nonce-own' 'strict-dynamic'";
  answerWith(nexus, { ...html, "content-security-policy": policy });
  const nonces = new Set<string>();
  for (let round = 0; round < 2; round++) {
    const page = await browser.request("/template/");
    const [, nonce = ""] = /<script async nonce="([^"]*)"/.exec(page.body) ?? [];
    const sent = page.header("content-security-policy") ?? "";
    assert.ok(sent.startsWith(`${policy} 'nonce-${nonce}',`), sent);
    nonces.add(nonce);
  }
  assert.equal(nonces.size, 2);
});

test("a page arrives as it is made, composed from its first bytes on", async (t) => {
  const nexus = await startNexus(t);
  const authorization = `Bearer ${await nexus.obtainToken()}`;
  nexus.upstream.answer((_incoming, outgoing) => {
    outgoing.writeHead(200, html);
    outgoing.write("<!DOCTYPE html><title>a</title><p>first");
  });
  const response = await fetch(`${nexus.origin}/template/`, {
    headers: { authorization, "sec-fetch-dest": "document" },
  });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let received = "";
  while (!received.includes("first")) received += (await reader?.read())?.value ?? "";
  assert.match(received, /side-panel.*<p>first$/s);
  nexus.upstream.last.outgoing.end("<p>last");
  let rest = "";
  for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
    rest += part.value;
  }
  assert.equal(rest, "<p>last");
});

test("an error page of a service is composed, a redirect is not", async (t) => {
  const nexus = await startNexus(t);
  const browser = await nexus.signIn();
  answerWith(nexus, html, upstreamPage, 404);
  const missing = await browser.request("/template/");
  assert.equal(missing.status, 404);
  assert.ok(isComposed(missing.body));
  answerWith(nexus, { ...html, location: "/template/x", "cache-control": "max-age=9" }, "<p>", 301);
  const moved = await browser.request("/template/");
  assert.equal(moved.body, "<p>");
  assert.equal(moved.header("cache-control"), "max-age=9");
});

test("names with HTML or any script in them are shown as what they are", async (t) => {
  const services = { codex: { title: '<img src=x onerror="alert(1)"> Ködex \u{1f41d}' } };
  const nexus = await startNexus(t, { services });
  const name = `</nav><script>alert("1")</script> Zoë O'Neil 日本 \u{1f41d}`;
  const browser = await nexus.signIn({ ...ada, name });
  answerWith(nexus, { "content-type": "text/html; charset=windows-1252" });
  for (const path of ["/template/", "/"]) {
    const page = await browser.request(path);
    // The start page is ours and UTF-8; a service's page can have any encoding.
    const isAscii = /^[\0-\x7f]*$/.test(page.body);
    assert.equal(isAscii, path === "/template/");
    assert.doesNotMatch(page.body.replace(scriptTag, ""), /<script|<img/i);
    const text = serialize(parse(page.body));
    assert.ok(text.includes(`Zoë O'Neil 日本 \u{1f41d}`), path);
    assert.ok(text.includes("Ködex \u{1f41d}"), path);
  }
});

test("R5: neither a page nor anything else that the browser gets holds the user token", async (t) => {
  const nexus = await startNexus(t);
  const browser = await nexus.signIn();
  for (const path of ["/", "/template/", "/api/me", "/unknown/", "/logout"]) {
    await browser.request(path);
  }
  const [authorization = ""] = nexus.upstream.last.headers("authorization");
  const token = authorization.replace("Bearer ", "");
  assert.ok(token.length > 100);
  const signature = token.split(".")[2] ?? "";
  for (const { url, body, setCookies } of browser.seen) {
    assert.ok(![url, body, ...setCookies].some((text) => text.includes(signature)), url);
  }
});
