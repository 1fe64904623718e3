import assert from "node:assert/strict";
import { test } from "node:test";
import { HttpError } from "@hivematrix/lib/http_error";
import { isOwnInitiative, isPersonsNavigation, requireSameOrigin } from "./cross_origin.ts";

const origin = "https://hive.example.org";

/** Whether a state-changing request with these headers passes. */
function passes(method: string, headers: Record<string, string>): boolean {
  try {
    requireSameOrigin(method, headers, origin);
    return true;
  } catch (error) {
    assert.ok(error instanceof HttpError && error.status === 403);
    return false;
  }
}

test("R14: the decision table of Go's CrossOriginProtection holds", () => {
  const other = "https://evil.example";
  const table: readonly (readonly [name: string, headers: Record<string, string>, ok: boolean])[] =
    [
      ["this origin", { "sec-fetch-site": "same-origin" }, true],
      ["the person directly", { "sec-fetch-site": "none" }, true],
      ["another site", { "sec-fetch-site": "cross-site" }, false],
      ["a sibling host", { "sec-fetch-site": "same-site" }, false],
      ["an unknown value", { "sec-fetch-site": "somewhere" }, false],
      ["an empty value", { "sec-fetch-site": "" }, false],
      ["a lie in Origin", { "sec-fetch-site": "cross-site", origin }, false],
      ["fetch metadata before Origin", { "sec-fetch-site": "same-origin", origin: other }, true],
      ["neither header: no browser", {}, true],
      ["the same Origin", { origin }, true],
      ["another Origin", { origin: other }, false],
      ["Origin null", { origin: "null" }, false],
      ["the same name without TLS", { origin: "http://hive.example.org" }, false],
      ["another port", { origin: `${origin}:8443` }, false],
      ["a longer name", { origin: `${origin}.evil.example` }, false],
      ["a subdomain", { origin: "https://x.hive.example.org" }, false],
      ["an empty Origin", { origin: "" }, false],
    ];
  for (const [name, headers, ok] of table) {
    for (const method of ["POST", "PUT", "PATCH", "DELETE", "QUERY", "PROPFIND"]) {
      assert.equal(passes(method, headers), ok, `${method} from ${name}`);
    }
    for (const method of ["GET", "HEAD", "OPTIONS"]) {
      assert.equal(passes(method, headers), true, `${method} from ${name}`);
    }
  }
});

test("a navigation counts as the person's own only from here or from the address bar", () => {
  const navigation = { "sec-fetch-mode": "navigate" };
  assert.equal(isOwnInitiative({}), true);
  assert.equal(isOwnInitiative({ "sec-fetch-site": "same-origin", ...navigation }), true);
  assert.equal(isOwnInitiative({ "sec-fetch-site": "none", ...navigation }), true);
  assert.equal(isOwnInitiative({ "sec-fetch-site": "same-site", ...navigation }), false);
  assert.equal(isOwnInitiative({ "sec-fetch-site": "cross-site", ...navigation }), false);
});

test("an image, a script or a prefetch of this origin is nobody's own navigation", () => {
  const site = { "sec-fetch-site": "same-origin" };
  assert.equal(isOwnInitiative({ ...site, "sec-fetch-mode": "no-cors" }), false);
  assert.equal(isOwnInitiative({ ...site, "sec-fetch-mode": "cors" }), false);
  const navigation = { ...site, "sec-fetch-mode": "navigate" };
  assert.equal(isOwnInitiative({ ...navigation, "sec-purpose": "prefetch;prerender" }), false);
  assert.equal(isOwnInitiative({ ...navigation, purpose: "prefetch" }), false);
});

test("R13: another site's page begins no sign-in without a person's click", () => {
  const click = {
    "sec-fetch-site": "cross-site",
    "sec-fetch-mode": "navigate",
    "sec-fetch-dest": "document",
    "sec-fetch-user": "?1",
  };
  assert.equal(isPersonsNavigation(click), true);
  assert.equal(isPersonsNavigation({}), true, "no browser of today");
  assert.equal(isPersonsNavigation({ ...click, "sec-fetch-user": undefined }), false, "a script");
  assert.equal(isPersonsNavigation({ ...click, "sec-fetch-dest": "iframe" }), false, "a frame");
  assert.equal(isPersonsNavigation({ ...click, "sec-fetch-mode": "no-cors" }), false, "an image");
  assert.equal(
    isPersonsNavigation({ ...click, "sec-purpose": "prefetch" }),
    false,
    "fetched ahead",
  );
});
