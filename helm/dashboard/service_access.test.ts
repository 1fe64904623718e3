import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import test from "node:test";
import { makeCheckout } from "../testing.ts";
import { describeAccess, readAccess } from "./service_access.ts";

test("a service's rules are said in words, what they come to together", () => {
  assert.equal(describeAccess({}), "Everybody who is signed in");
  assert.equal(describeAccess({ admin_only: true }), "Permission level admin");
  assert.equal(
    describeAccess({ billing_or_admin_only: true, allowed_levels: ["billing", "client"] }),
    "Permission level billing",
  );
  assert.match(describeAccess({ admin_only: true, allowed_levels: ["client"] }), /^No one/);
  assert.match(describeAccess({ visible: false }), /signed in; not shown in the navigation$/);
});

test("title and address are those of services.json; what Nexus does not serve has no address", async (t) => {
  const checkout = await makeCheckout(t);
  const address = "http://localhost:8000";
  const read = (name: string) => readAccess({ checkout, address }, name);
  const codex = { url: "http://127.0.0.1:5010", title: "Companies", admin_only: true };
  await writeFile(checkout.servicesFile, JSON.stringify({ codex }));
  assert.deepEqual(await read("codex"), {
    title: "Companies",
    access: "Permission level admin",
    open_url: "http://localhost:8000/codex/",
  });
  for (const name of ["core", "postgres", "keycloak", "unknown"]) {
    assert.equal((await read(name)).open_url, undefined, name);
  }
  assert.equal((await read("nexus")).open_url, "http://localhost:8000/");
});
