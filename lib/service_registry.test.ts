import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createServiceRegistry, parseServices } from "./service_registry.ts";
import { createTestLog } from "./testing.ts";
import { waitFor } from "./wait_for.ts";

function makeFile(t: TestContext, content?: unknown) {
  const folder = mkdtempSync(join(tmpdir(), "hivematrix-registry-"));
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20 }));
  const file = join(folder, "services.json");
  const write = (text: string) => {
    // As Helm does it: whole, or not at all.
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  };
  if (content !== undefined) write(JSON.stringify(content));
  return { file, write };
}

const codex = { url: "http://127.0.0.1:5010" };

test("services are found by name and listed in the order of the file", (t) => {
  const entry = {
    ...codex,
    title: "Codex",
    icon: "book",
    visible: false,
    allowed_levels: ["admin"],
  };
  const { file } = makeFile(t, { treasury: { url: "http://127.0.0.1:5011" }, codex: entry });
  const registry = createServiceRegistry(file);
  assert.deepEqual(registry.find("codex"), { name: "codex", ...entry });
  assert.equal(registry.find("nobody"), undefined);
  assert.equal(registry.find("constructor"), undefined);
  assert.deepEqual(
    registry.list().map(({ name }) => name),
    ["treasury", "codex"],
  );
});

test("a new version is read without a restart, also one that comes, goes and comes again", async (t) => {
  const { file, write } = makeFile(t);
  const registry = createServiceRegistry(file);
  assert.deepEqual(registry.list(), []);
  write(JSON.stringify({ codex }));
  await waitFor(() => registry.find("codex") !== undefined);
  rmSync(file);
  await waitFor(() => registry.find("codex") === undefined);
  write(JSON.stringify({ codex: { url: "http://127.0.0.1:9" } }));
  await waitFor(() => registry.find("codex")?.url === "http://127.0.0.1:9");
});

test("a broken new version keeps the old one and is logged once", async (t) => {
  const { file, write } = makeFile(t, { codex });
  const log = createTestLog();
  const registry = createServiceRegistry(file, { log });
  assert.equal(registry.find("codex")?.url, codex.url);
  write('{"codex": {"url": "htt');
  await waitFor(() => {
    assert.equal(registry.find("codex")?.url, codex.url);
    return log.lines.length > 0;
  });
  assert.match(log.lines[0] ?? "", /keeping the services as they were.*services\.json/);
  const seenAt = performance.now();
  await waitFor(() => registry.find("codex") && performance.now() - seenAt > 1200);
  assert.equal(log.lines.length, 1);
  write(JSON.stringify({ ledger: codex }));
  await waitFor(() => registry.find("ledger") !== undefined);
});

test("a file that is broken from the start is refused at each use, until it is mended", (t) => {
  const { file, write } = makeFile(t);
  write("{");
  const registry = createServiceRegistry(file);
  for (const _ of [1, 2])
    assert.throws(() => registry.find("codex"), /Cannot use .*services\.json: /);
  write(JSON.stringify({ codex }));
  assert.equal(registry.find("codex")?.url, codex.url);
});

for (const [services, problem] of [
  [[], "it must hold an object of services"],
  [null, "it must hold an object of services"],
  [{ Codex: codex }, '"Codex" is no name for a service'],
  [{ "a/b": codex }, '"a/b" is no name for a service'],
  [{ codex: "http://h" }, "codex must be an object"],
  [{ codex: {} }, "codex.url is undefined, which is no http URL without user or query"],
  [{ codex: { url: "ftp://h/" } }, 'codex.url is "ftp://h/", which is'],
  [{ codex: { url: "127.0.0.1:5010" } }, 'codex.url is "127.0.0.1:5010", which is'],
  [{ codex: { url: "http://u:p@h/" } }, 'codex.url is "http://u:p@h/", which is'],
  [{ codex: { url: "http://h/?x" } }, 'codex.url is "http://h/?x", which is'],
  [
    { codex: { ...codex, admin_only: "yes" } },
    'codex.admin_only is "yes", it must be true or false',
  ],
  [{ codex: { ...codex, visible: 1 } }, "codex.visible is 1, it must be true or false"],
  [
    { codex: { ...codex, billing_or_admin_only: null } },
    "codex.billing_or_admin_only is null, it must be true or false",
  ],
  [
    { codex: { ...codex, allowed_levels: ["root"] } },
    "codex.allowed_levels may only hold admin, technician, billing, client",
  ],
  [{ codex: { ...codex, allowed_levels: "admin" } }, "codex.allowed_levels may only hold"],
  [
    { codex: { ...codex, title: { html: "<b>" } } },
    'codex.title is {"html":"<b>"}, it must be text',
  ],
] as const) {
  test(`services.json is refused with the reason: ${problem}`, () => {
    assert.throws(
      () => parseServices(JSON.stringify(services), "services.json"),
      (error: Error) => error.message.startsWith(`Cannot use services.json: ${problem}`),
    );
  });
}

test("an access rule that is misspelt in a name of JavaScript's own is no service", () => {
  const text = `{"__proto__": {"url": "http://h"}}`;
  assert.throws(() => parseServices(text, "f"), /"__proto__" is no name for a service/);
});
