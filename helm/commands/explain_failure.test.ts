import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import test from "node:test";
import { makeCheckout } from "../testing.ts";
import { explainFailure } from "./explain_failure.ts";

test("whoever may not read an installation learns whose it is; other errors speak for themselves", async (t) => {
  const checkout = await makeCheckout(t);
  await mkdir(join(checkout.helmFolder, "instance"));
  const refused = (path: string) =>
    Object.assign(new Error(`EACCES: permission denied, open '${path}'`), { code: "EACCES", path });
  assert.match(
    explainFailure(refused(checkout.masterConfigFile), checkout),
    /^Cannot open helm\/instance\/configs\/master_config\.json: permission denied\. This installation belongs to /,
  );
  assert.match(explainFailure(refused("/etc/shadow"), checkout), /^EACCES.*shadow/);
  assert.equal(explainFailure(new Error("no honey left"), checkout), "no honey left");
});
