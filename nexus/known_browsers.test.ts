import assert from "node:assert/strict";
import { test } from "node:test";
import { cookieNames } from "./cookie_names.ts";
import { KnownBrowsers } from "./known_browsers.ts";
import { createSealedBox } from "./sealed_box.ts";

const names = cookieNames(new URL("https://hive.test"));

function create(secret = "a secret") {
  return new KnownBrowsers(createSealedBox(secret), names, { isSecure: true });
}

/** What the browser sends back. */
function keep(setCookie: string): Map<string, string> {
  const [name = "", value = ""] = setCookie.split(";", 1)[0]?.split("=") ?? [];
  return new Map([[name, value]]);
}

test("a browser is known for whoever has signed in there, by each of their names", () => {
  const browsers = create();
  const header = browsers.format(new Map(), ["ada", "Ada@example.org"]);
  assert.match(
    header,
    /^__Host-hivematrix_browser=[\w-]+; Path=\/; SameSite=Lax; .*HttpOnly; Secure$/,
  );
  const cookies = keep(header);
  const id = browsers.find(cookies, "ADA ");
  assert.match(id ?? "", /^[\w-]{22}$/);
  assert.equal(browsers.find(cookies, "ada@example.org"), id);
  assert.equal(browsers.find(cookies, "eve"), undefined);
  assert.equal(browsers.find(new Map(), "ada"), undefined);
});

test("people who share a browser share its number, and the last of them are kept", () => {
  const browsers = create();
  let cookies = keep(browsers.format(new Map(), ["ada"]));
  const id = browsers.find(cookies, "ada");
  for (let i = 0; i < 7; i++) cookies = keep(browsers.format(cookies, [`user-${i}`]));
  assert.equal(browsers.find(cookies, "ada"), id);
  assert.equal(browsers.find(cookies, "user-6"), id);
  cookies = keep(browsers.format(cookies, ["one-more"]));
  assert.equal(browsers.find(cookies, "ada"), undefined);
});

test("a made-up or foreign cookie makes no browser known", () => {
  const mine = keep(create("another secret").format(new Map(), ["ada"]));
  assert.equal(create().find(mine, "ada"), undefined);
  const made = new Map([[names.knownBrowser, Buffer.from('{"id":"x"}').toString("base64url")]]);
  assert.equal(create().find(made, "ada"), undefined);
});
