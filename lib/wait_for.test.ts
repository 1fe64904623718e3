import assert from "node:assert/strict";
import { test } from "node:test";
import { waitFor } from "./wait_for.ts";

test("what the condition returns in the end is returned", async () => {
  let asked = 0;
  assert.equal(await waitFor(async () => (++asked < 3 ? undefined : "there")), "there");
  assert.equal(asked, 3);
});

test("what never holds is an error that names it", async () => {
  const what = "pigs that fly";
  await assert.rejects(
    waitFor(() => false, { timeoutMs: 20, what }),
    {
      message: "Waited 20 ms in vain for: pigs that fly",
    },
  );
  await assert.rejects(
    waitFor(() => false, { timeoutMs: 0 }),
    /in vain for: \(\) ?=> ?false/,
  );
});

test("what the condition throws is not waited out", async () => {
  const broken = () => {
    throw new Error("broken");
  };
  await assert.rejects(waitFor(broken), /^Error: broken$/);
});
