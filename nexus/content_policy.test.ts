import assert from "node:assert/strict";
import { test } from "node:test";
import { allowAdditions, createScriptNonce, mayAddScript } from "./content_policy.ts";

const origin = "https://hive.example.org";
const sheet = `${origin}/static/`;
const logout = `${origin}/logout`;
const url = `${origin}/static/session_watch.x.js`;
const asks = `${origin}/api/session`;
const nonce = "bm9uY2U=";
const withoutScript = { stylesheets: sheet, logout };
const withScript = { ...withoutScript, script: { url, asks, nonce } };

type Table = readonly (readonly [policy: string, expected: string])[];

test("a service's policy lets in the stylesheet and the logout form, and nothing else", () => {
  const table: Table = [
    ["style-src 'self'", `style-src 'self' ${sheet}`],
    ["style-src 'none'; img-src x", `style-src ${sheet}; img-src x`],
    ["Style-Src-Elem y; style-src 'none'", `Style-Src-Elem y ${sheet}; style-src 'none'`],
    ["default-src 'none'", `default-src 'none'; style-src ${sheet}`],
    ["default-src 'self' x;", `default-src 'self' x; style-src 'self' x ${sheet}`],
    ["form-action 'none'", `form-action ${logout}`],
    ["form-action 'self' y", `form-action 'self' y ${logout}`],
    ["img-src 'self'", "img-src 'self'"],
    ["", ""],
    ["style-src a, default-src b", `style-src a ${sheet}, default-src b; style-src b ${sheet}`],
  ];
  for (const [policy, expected] of table) {
    assert.equal(allowAdditions(policy, withoutScript), expected, policy);
  }
});

test("a policy lets in exactly the one script and what it asks", () => {
  const table: Table = [
    ["script-src 'none'", `script-src ${url}`],
    ["script-src 'self' y", `script-src 'self' y ${url}`],
    ["script-src-elem y; script-src z", `script-src-elem y ${url}; script-src z`],
    ["connect-src 'none'", `connect-src ${asks}`],
    ["connect-src wss://x; img-src y", `connect-src wss://x ${asks}; img-src y`],
    [
      "default-src 'none'",
      `default-src 'none'; style-src ${sheet}; script-src ${url}; connect-src ${asks}`,
    ],
    ["script-src a, connect-src b", `script-src a ${url}, connect-src b ${asks}`],
    ["img-src 'self'", "img-src 'self'"],
  ];
  for (const [policy, expected] of table) {
    assert.equal(allowAdditions(policy, withScript), expected, policy);
  }
});

test("a service's 'unsafe-inline' goes on to count: no nonce stands beside it", () => {
  for (const policy of ["script-src 'self' 'unsafe-inline'", "default-src 'unsafe-inline'"]) {
    assert.doesNotMatch(allowAdditions(policy, withScript), /nonce/, policy);
  }
});

test("where addresses mean nothing the script proves itself by a nonce", () => {
  const own = "script-src 'nonce-abc' 'strict-dynamic' 'unsafe-inline'";
  assert.equal(allowAdditions(own, withScript), `${own} 'nonce-${nonce}'`);
  const fallback = allowAdditions("default-src 'strict-dynamic' 'nonce-abc'", withScript);
  assert.match(fallback, /; script-src 'strict-dynamic' 'nonce-abc' 'nonce-bm9uY2U='/);
  assert.notEqual(createScriptNonce(), createScriptNonce());
  assert.match(createScriptNonce(), /^[\w+/]{22}==$/);
});

test("in a sandbox, and where scripts are watched more closely, there is no script", () => {
  for (const policy of [
    "sandbox",
    "sandbox allow-scripts",
    "img-src x; Sandbox allow-scripts allow-same-origin",
    "img-src x, default-src y;sandbox",
    "require-trusted-types-for 'script'",
  ]) {
    assert.equal(mayAddScript(policy), false, policy);
  }
  for (const policy of [
    "",
    "default-src 'none'",
    "script-src sandbox",
    "report-uri /sandbox; img-src sandbox x",
    "trusted-types a",
  ]) {
    assert.equal(mayAddScript(policy), true, policy);
  }
});
