import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { HttpError } from "@hivematrix/lib/http_error";
import { createServiceCredentials } from "./service_credentials.ts";
import { formatBasic, hashServiceSecret } from "./testing.ts";

const secret = "correct horse: battery/staple=";
const conf = `[service_secrets]
template = ${hashServiceSecret(secret)}
codex = ${hashServiceSecret("codex-secret").toUpperCase().replace("SHA256", "sha256")}
plain = a-secret-in-clear
empty =

[legacy_service_token]
oldapp = true
newapp = false
`;

function open(t: TestContext, text: string | null = conf) {
  const folder = mkdtempSync(join(tmpdir(), "hivematrix-credentials-"));
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20 }));
  const file = join(folder, "core.conf");
  if (text !== null) writeFileSync(file, text);
  return { file, credentials: createServiceCredentials(file) };
}

const is401 = (error: unknown) => {
  assert.ok(error instanceof HttpError);
  assert.equal(error.status, 401);
  assert.match(error.headers["www-authenticate"] ?? "", /^Basic realm=/);
  return true;
};

test("a service is known by its own secret", (t) => {
  const { credentials } = open(t);
  assert.equal(credentials.authenticate(formatBasic("template", secret)), "template");
  assert.equal(credentials.authenticate(formatBasic("codex", "codex-secret")), "codex");
  const lower = formatBasic("template", secret).replace("Basic", "bAsIc ");
  assert.equal(credentials.authenticate(lower), "template");
});

test("no header is no credential, and no error yet", (t) => {
  assert.equal(open(t).credentials.authenticate(null), undefined);
});

test("a wrong credential is 401 with a challenge", (t) => {
  const { credentials } = open(t);
  const wrong = [
    formatBasic("template", "wrong"),
    formatBasic("template", ""),
    formatBasic("template", `${secret} `),
    formatBasic("template", hashServiceSecret(secret)),
    formatBasic("template", "codex-secret"),
    formatBasic("Template", secret),
    formatBasic("unknown", secret),
    formatBasic("", secret),
    formatBasic("plain", "a-secret-in-clear"),
    formatBasic("plain", ""),
    formatBasic("empty", ""),
    formatBasic("__proto__", ""),
    formatBasic("constructor", ""),
  ];
  for (const header of wrong) assert.throws(() => credentials.authenticate(header), is401, header);
});

test("a header of another form is 401 too, not no credential", (t) => {
  const { credentials } = open(t);
  const good = formatBasic("template", secret);
  const forms = ["", "Basic", "Basic ", "Basic !", "Bearer abc", `${good}, ${good}`, `x ${good}`];
  const noColon = `Basic ${Buffer.from("template").toString("base64")}`;
  for (const header of [...forms, noColon]) {
    assert.throws(() => credentials.authenticate(header), is401, header);
  }
});

test("a changed file counts at once: a new secret works, the old one no longer", (t) => {
  const { file, credentials } = open(t);
  credentials.authenticate(formatBasic("template", secret));
  writeFileSync(file, `[service_secrets]\ntemplate = ${hashServiceSecret("new")}\n`);
  assert.equal(credentials.authenticate(formatBasic("template", "new")), "template");
  assert.throws(() => credentials.authenticate(formatBasic("template", secret)), is401);
});

test("without a file nobody is known, until there is one", (t) => {
  const { file, credentials } = open(t, null);
  assert.throws(() => credentials.authenticate(formatBasic("template", secret)), is401);
  assert.equal(credentials.isLegacy("oldapp"), false);
  writeFileSync(file, conf);
  assert.equal(credentials.authenticate(formatBasic("template", secret)), "template");
});

test("R25: while the file is broken or unreadable nobody passes on what it said before", (t) => {
  const { file, credentials } = open(t);
  credentials.authenticate(formatBasic("template", secret));
  const is503 = (error: unknown) =>
    error instanceof HttpError &&
    error.status === 503 &&
    error.headers["retry-after"] !== undefined &&
    !error.message.includes(file);
  writeFileSync(file, "broken line\n");
  for (let round = 0; round < 2; round++) {
    assert.throws(() => credentials.authenticate(formatBasic("template", secret)), is503);
    assert.throws(() => credentials.isLegacy("oldapp"), is503);
  }
  rmSync(file);
  mkdirSync(file);
  assert.throws(() => credentials.authenticate(formatBasic("template", secret)), is503);
  rmSync(file, { recursive: true, force: true, maxRetries: 20 });
  writeFileSync(file, conf);
  assert.equal(credentials.authenticate(formatBasic("template", secret)), "template");
});

test("only services that are marked true are legacy", (t) => {
  const { credentials } = open(t);
  assert.equal(credentials.isLegacy("oldapp"), true);
  for (const name of ["newapp", "template", "OldApp", "unknown", "__proto__", ""]) {
    assert.equal(credentials.isLegacy(name), false, name);
  }
});
