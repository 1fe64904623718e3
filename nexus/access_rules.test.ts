import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServiceEntry } from "@hivematrix/lib/service_registry";
import { permissionLevels } from "@hivematrix/lib/token_verifier";
import { findDenial, openServices, reservedNames } from "./access_rules.ts";

const entry = (rules: Partial<ServiceEntry>): ServiceEntry => ({
  name: "ledger",
  url: "http://127.0.0.1:9",
  ...rules,
});

const whoMay = (rules: Partial<ServiceEntry>) =>
  permissionLevels.filter((level) => findDenial(entry(rules), level) === undefined);

test("each rule lets in its levels and nobody else", () => {
  assert.deepEqual(whoMay({}), ["admin", "technician", "billing", "client"]);
  assert.deepEqual(whoMay({ admin_only: false }), ["admin", "technician", "billing", "client"]);
  assert.deepEqual(whoMay({ admin_only: true }), ["admin"]);
  assert.deepEqual(whoMay({ billing_or_admin_only: true }), ["admin", "billing"]);
  assert.deepEqual(whoMay({ allowed_levels: ["technician"] }), ["technician"]);
  assert.deepEqual(whoMay({ allowed_levels: [] }), []);
});

test("of several rules every one has to agree", () => {
  assert.deepEqual(whoMay({ admin_only: true, allowed_levels: ["client"] }), []);
  const both = { billing_or_admin_only: true, allowed_levels: ["billing", "client"] as const };
  assert.deepEqual(whoMay(both), ["billing"]);
});

test("a denial names its rule and the levels that pass", () => {
  assert.deepEqual(findDenial(entry({ billing_or_admin_only: true }), "client"), {
    rule: "billing_or_admin_only",
    neededLevels: ["admin", "billing"],
  });
});

test("navigation shows what is open, and never Core or what is hidden", () => {
  const entries = [
    entry({ name: "template" }),
    entry({ name: "helm", admin_only: true }),
    entry({ name: "quiet", visible: false }),
    entry({ name: "core" }),
  ];
  const names = (level: "admin" | "client") => openServices(entries, level).map(({ name }) => name);
  assert.deepEqual(names("admin"), ["template", "helm"]);
  assert.deepEqual(names("client"), ["template"]);
});

test("a service cannot take the name of one of the gateway's own paths", () => {
  for (const name of ["api", "core", "health", "keycloak", "login", "logout", "static"]) {
    assert.ok(reservedNames.has(name), name);
  }
});
