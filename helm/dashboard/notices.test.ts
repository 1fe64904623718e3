import assert from "node:assert/strict";
import test from "node:test";
import { Notices } from "./notices.ts";

test("a notice is for the one whose action it is about, as long as there are not too many", () => {
  const notices = new Notices();
  const notice = { kind: "success", text: "Done." } as const;
  const name = notices.keep("ada-sub", notice);
  assert.equal(notices.find("ada-sub", name), notice);
  assert.equal(notices.find("ada-sub", name), notice, "also when the page is loaded again");
  assert.equal(notices.find("grace-sub", name), undefined);
  for (const unknown of [null, "", "x"]) assert.equal(notices.find("ada-sub", unknown), undefined);
  for (let i = 0; i < 200; i++) notices.keep("grace-sub", notice);
  assert.equal(notices.find("ada-sub", name), undefined);
});

test("a password in a notice is there for the first look only", () => {
  const notices = new Notices();
  const notice = { kind: "success", text: "Created ada.", password: "Kf7m-x2qp" } as const;
  const name = notices.keep("root-sub", notice);
  assert.equal(notices.find("grace-sub", name), undefined, "nobody else's look counts");
  assert.deepEqual(notices.find("root-sub", name), notice);
  const later = { kind: "success", text: "Created ada. The password was shown once." };
  assert.deepEqual(notices.find("root-sub", name), later);
  assert.deepEqual(notices.find("root-sub", name), later);
});
