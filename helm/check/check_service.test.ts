import assert from "node:assert/strict";
import { chmod, rm, writeFile } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { join } from "node:path";
import test from "node:test";
import { createTokenVerifier } from "@hivematrix/lib/token_verifier";
import type { CheckResult } from "./finding.ts";
import { makeSubject, type TestSubject } from "./testing.ts";

const whole = "<!DOCTYPE html><title>Rota</title><body><a href='/rota/week'>Week</a>";

const outcomes = (results: ReadonlyMap<string, CheckResult>) =>
  Object.fromEntries([...results].map(([check, { outcome }]) => [check, outcome]));

test("a service that keeps its promises passes, whatever it answers people with", async (t) => {
  const subject = await makeSubject(t);
  const view = `${whole}<a href="/{{prefix}}/week"></a><a href="/helm/">Helm</a><a href="/">Home</a>`;
  await writeFile(join(subject.checkout.appFolder("rota"), "views", "index.mustache"), view);
  await subject.serve(goodService(subject));
  const results = await subject.check();
  assert.deepEqual(outcomes(results), {
    "answers GET /health": "ok",
    "listens for this machine alone": "ok",
    "refuses a call without a token": "ok",
    "refuses forged tokens": "ok",
    "refuses another service's token": "ok",
    "takes a service token for itself": "ok",
    "answers with whole documents": "ok",
    "has no styling of its own": "ok",
    "links with its prefix": "ok",
    "shows no stack trace": "ok",
    "logs JSON lines, if it can": "ok",
    "keeps tokens out of its log": "ok",
    "has its files as Helm writes them": "ok",
    "can be installed": "ok",
    "reaches its own database alone": "not tried",
  });
  assert.equal(results.get("takes a service token for itself")?.found, "GET /api/data answers 200");
  assert.match(
    results.get("has no styling of its own")?.found ?? "",
    /^none in \d+ pages and 1 view$/,
  );
});

test("a service that keeps none fails, each time with what was seen and what to do", async (t) => {
  const subject = await makeSubject(t);
  const folder = subject.checkout.appFolder("rota");
  await writeFile(join(folder, "views", "week.html"), '<p>\n<b style="color:red">\n');
  await subject.serve((request, response) => {
    subject.log("served something");
    response.setHeader("content-type", "text/html");
    if (request.url === "/") return response.end("<style>p{}</style><a href=/week>Week</a>");
    response.statusCode = 500;
    response.end(`<p>${new Error("no honey").stack}`);
  }, "0.0.0.0");
  await chmod(join(folder, ".env"), 0o644);
  await rm(join(folder, "install.sh"));
  const results = await subject.check();
  const notTried = [...results].filter(([, { outcome }]) => outcome === "not tried");
  assert.deepEqual(
    notTried.map(([check]) => check),
    [
      "refuses forged tokens",
      "refuses another service's token",
      "takes a service token for itself",
      "keeps tokens out of its log",
      "reaches its own database alone",
    ],
  );
  const expected: Record<string, RegExp> = {
    "answers GET /health": /^it answers 500$/,
    "listens for this machine alone": /^port \d+ is open at \S+ too$/,
    "refuses a call without a token": /^GET \/ answers 200 without a token, instead of 401$/,
    "answers with whole documents": /^GET \/ \(200\) begins like no whole document$/,
    "has no styling of its own":
      /^<style> in GET \/ \(200\), .*<b style="…"> in apps\/rota\/views\/week\.html:2$/,
    "links with its prefix": /^\/week in GET \/ \(200\)/,
    "shows no stack trace": /^GET \S+ \(500\) shows a stack trace or a path of this machine$/,
    "logs JSON lines, if it can": /^none of the last \d+ lines is JSON with a message$/,
    "has its files as Helm writes them": /^apps\/rota\/\.env may be read by others$/,
    "can be installed": /^apps\/rota lacks install\.sh$/,
  };
  const failed = [...results].filter(([, { outcome }]) => outcome === "failed");
  assert.deepEqual(failed.map(([check]) => check).sort(), Object.keys(expected).sort());
  for (const [check, { found, remedy = "" }] of failed) {
    assert.match(found, expected[check] ?? /^$/, check);
    assert.notEqual(remedy, "", check);
  }
});

test("a service that believes every token, and logs it, is found out", async (t) => {
  const subject = await makeSubject(t);
  await subject.serve((request, response) => {
    const { authorization } = request.headers;
    subject.log(JSON.stringify({ message: "request", authorization }));
    response.statusCode = authorization === undefined ? 401 : 200;
    response.end();
  });
  const results = await subject.check();
  const foundIn = (check: string) => [results.get(check)?.outcome, results.get(check)?.found];
  const [outcome, found] = foundIn("refuses forged tokens");
  assert.equal(outcome, "failed");
  assert.equal(found, "one signed with another key is answered 200, not 401");
  assert.deepEqual(foundIn("refuses another service's token"), [
    "failed",
    'one for "core" is answered 200, not 401',
  ]);
  assert.deepEqual(foundIn("keeps tokens out of its log"), [
    "failed",
    "a token that it was sent stands in helm/instance/logs/rota.log",
  ]);
});

test("a token for another service is believed where both are told that the page is for people", async (t) => {
  const subject = await makeSubject(t);
  await subject.serve((request, response) => {
    response.statusCode = request.headers.authorization === undefined ? 401 : 403;
    response.end();
  });
  const results = await subject.check();
  assert.equal(results.get("refuses another service's token")?.outcome, "failed");
  assert.equal(results.get("takes a service token for itself")?.outcome, "ok");
});

test("a service that refuses its own token is told, and one that answers nowhere is asked at --path", async (t) => {
  const subject = await makeSubject(t);
  await subject.serve((request, response) => {
    response.statusCode = request.url?.startsWith("/api/shifts") ? 401 : 404;
    response.end();
  });
  const unknown = await subject.check();
  const closed = unknown.get("refuses a call without a token");
  assert.equal(closed?.outcome, "not tried");
  assert.match(closed?.found ?? "", /nothing at "\/" or "\/api\/data"; --path names a path/);
  const named = await subject.check("/api/shifts");
  assert.equal(named.get("refuses a call without a token")?.outcome, "ok");
  const own = named.get("takes a service token for itself");
  assert.deepEqual([own?.outcome, own?.found], ["failed", "GET /api/shifts answers 401"]);
});

test("without Core no token is tried, and the reason is said", async (t) => {
  const subject = await makeSubject(t);
  await subject.serve(goodService(subject));
  await subject.core.close();
  const results = await subject.check();
  for (const check of ["refuses forged tokens", "takes a service token for itself"]) {
    assert.equal(results.get(check)?.outcome, "not tried");
    assert.match(results.get(check)?.found ?? "", /Core cannot be reached/);
  }
});

test("what does not run, is unknown or no service of that kind is not checked", async (t) => {
  const subject = await makeSubject(t);
  await subject.serve(goodService(subject));
  const refused = async (...words: string[]) => {
    const { status, stdout, stderr } = await subject.helm("check", ...words);
    assert.equal(stdout, "");
    return [status, stderr];
  };
  assert.deepEqual(await refused("rota"), [
    1,
    'Cannot check rota: it is stopped; "helm start rota" starts it, "helm logs rota" says what is wrong\n',
  ]);
  const known = "helm, template, rota";
  assert.deepEqual(await refused("core"), [
    1,
    `core is a part of the platform itself; what can be checked: ${known}\n`,
  ]);
  assert.deepEqual(await refused("rotta"), [
    1,
    `There is no service "rotta" to check, there are: ${known}; did you mean "rota"?\n`,
  ]);
  assert.deepEqual(await refused(), [
    1,
    'Cannot check anything: no service is ready, see "helm status"\n',
  ]);
});

/** An API for programs, pages for people. */
function goodService({ core, log }: TestSubject): RequestListener {
  const verifier = createTokenVerifier({ coreUrl: core.url, service: "rota" });
  return async (request, response) => {
    log(JSON.stringify({ level: "info", message: "request", path: request.url }));
    const token = request.headers.authorization?.slice("Bearer ".length) ?? "";
    const isKnown = await verifier.verify(token).then(
      () => true,
      () => false,
    );
    const api: Record<string, number> = { "/api/data": 200, "/": 403 };
    const status =
      request.url === "/health" ? 200 : isKnown ? (api[request.url ?? ""] ?? 404) : 401;
    response.writeHead(status, { "content-type": "text/html" }).end(whole);
  };
}
