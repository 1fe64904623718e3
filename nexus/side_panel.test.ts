import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { ServiceEntry } from "@hivematrix/lib/service_registry";
import type { UserClaims } from "@hivematrix/lib/token_verifier";
import { createViews } from "@hivematrix/lib/views";
import { createPages } from "./pages.ts";
import { createAdditions, serviceCard } from "./side_panel.ts";

const pages = createPages(
  createViews(join(import.meta.dirname, "views")),
  "/static/global.x.css",
  new URL("https://hive.example.org"),
);

const user: UserClaims = {
  iss: "hivematrix.core",
  sub: "ada-sub",
  name: "Ada Augusta Lovelace",
  email: "ada@example.org",
  preferred_username: "ada",
  permission_level: "technician",
  groups: ["technicians"],
  jti: "id",
  iat: 1,
  exp: 2,
};

const services = [
  { name: "template", url: "http://127.0.0.1:1", title: "Notes" },
  { name: "helm", url: "http://127.0.0.1:2", admin_only: true },
];

const findAdditions = createAdditions({ pages, stylesheetUrl: "/static/global.x.css" });

const panelOf = (changes: Partial<UserClaims>, current = "template") =>
  findAdditions({ user: { ...user, ...changes }, services, current }).body.toString();

test("the panel shows the person, the level, and what this level may open", () => {
  const panel = panelOf({});
  assert.match(panel, /Ada Augusta Lovelace/);
  assert.match(panel, />AL</);
  assert.match(panel, />technician</);
  assert.match(panel, /Notes/);
  assert.doesNotMatch(panel, /helm/i);
  assert.match(panelOf({ permission_level: "admin" }), /&#x2F;helm&#x2F;/);
});

test("the page that is open is marked, and only that one", () => {
  assert.equal(panelOf({}).match(/aria-current="page"/g)?.length, 1);
  assert.match(panelOf({}), /&#x2F;template&#x2F;" aria-current="page"/);
  assert.match(panelOf({}, ""), /side-panel__brand" href="&#x2F;" aria-current="page"/);
});

test("a name of one word, of signs beyond 16 bits, or none at all has its initials", () => {
  assert.match(panelOf({ name: "ada" }), />A</);
  assert.match(panelOf({ name: "\u{1f41d} Bee" }), />&#128029;B</);
  assert.doesNotThrow(() => panelOf({ name: "" }));
  assert.doesNotThrow(() => panelOf({ name: "   " }));
});

test("the panel is one element in ASCII and nothing around it", () => {
  const panel = panelOf({ name: "Zoë 日本" });
  assert.match(panel, /^<nav class="side-panel"[\s\S]*<\/nav>$/);
  assert.match(panel, /^[\0-\x7f]*$/);
});

test("a service without title or icon gets its name and first letter", () => {
  const card = serviceCard({ name: "codex", url: "http://127.0.0.1:1" });
  assert.deepEqual(card, {
    name: "codex",
    title: "Codex",
    url: "/codex/",
    icon: "C",
    description: "",
  });
});

test("a panel that is kept shows the services of now, and which one is open", () => {
  const panel = (list: readonly ServiceEntry[], current: string) =>
    findAdditions({ user, services: list, current }).body.toString();
  const before = panel(services, "template");
  assert.equal(panel(services, "template"), before);
  assert.notEqual(panel(services, ""), before);
  const codex = { name: "codex", url: "http://127.0.0.1:3", title: "Customers" };
  assert.match(panel([...services, codex], "template"), /Customers/);
  assert.equal(panel(services, "template"), before);
});
