import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import { waitFor } from "@hivematrix/lib/wait_for";
import { makeConfig } from "../testing.ts";
import { LogChain } from "./log_chain.ts";
import { type LogHeads, readLogHeads } from "./log_heads.ts";
import { prune } from "./retention.ts";
import { lineAt, startTestLogs } from "./testing.ts";
import { verifyChains } from "./verify_chain.ts";

const config = makeConfig();
const chain = new LogChain(config.system.secret_key);

test("R26: what Helm has stored and pruned itself is whole, however many Helms it took", async (t) => {
  const { write, store, verify, sql } = await startChains(t);
  await store(2500);
  assert.deepEqual(await verify(), ["core whole 2500", "nexus whole 1"]);
  write("core", lineAt(1, "one more"));
  await store();
  assert.deepEqual(await verify(), ["core whole 2501", "nexus whole 1"]);
  await prune(sql, chain, { days: 14, maxLines: 1500, maxBytes: 1e12 });
  const [core = ""] = await verify();
  assert.match(core, /^core whole \d+$/);
  assert.ok(Number(core.split(" ")[2]) < 1500);
});

test("R26: a line that was changed, removed or put in breaks its chain at its batch", async (t) => {
  const { store, verify, sql } = await startChains(t);
  await store(2500);
  const batches = await sql`
    select number::float8, first_id::float8, last_id::float8 from log_batches
    where service = 'core' order by number`;
  const [, second] = batches;
  const id = second?.["first_id"] + 5;
  const core = `core batch ${second?.["number"]}`;
  for (const change of [
    sql`update log_lines set line = replace(line, 'line', 'lime') where id = ${id}`,
    sql`update log_lines set level = 10 where id = ${id}`,
    sql`update log_lines set at = at + interval '1 second' where id = ${id}`,
    sql`update log_lines set search = 'nothing' where id = ${id}`,
    sql`update log_lines set user_id = 'somebody else' where id = ${id}`,
    sql`update log_lines set service = 'nexus' where id = ${id}`,
    sql`delete from log_lines where id = ${id}`,
    sql`delete from log_lines where id = ${second?.["last_id"]}`,
    sql`update log_batches set hash = ${Buffer.alloc(32)} where service = 'core' and number = 2`,
  ]) {
    await sql`create table log_lines_before as select * from log_lines`;
    await sql`create table log_batches_before as select * from log_batches`;
    await change;
    assert.match(
      (await verify())[0] ?? "",
      new RegExp(`^${core}, begun .* is not as it was stored$`),
    );
    await sql`truncate log_lines, log_batches`;
    await sql`insert into log_lines select * from log_lines_before`;
    await sql`insert into log_batches select * from log_batches_before`;
    await sql`drop table log_lines_before, log_batches_before`;
  }
  assert.deepEqual(await verify(), ["core whole 2500", "nexus whole 1"]);
});

test("R26: what was cut off at either end is missed too", async (t) => {
  const { store, verify, sql } = await startChains(t);
  await store(2500);
  const cutBatch = async (number: number) => {
    const [batch] = await sql`
      delete from log_batches where service = 'core' and number = ${number}
      returning first_id::float8, last_id::float8, hash`;
    await sql`
      delete from log_lines where service = 'core'
      and id between ${batch?.["first_id"]} and ${batch?.["last_id"]}`;
    return batch?.["hash"] as Buffer;
  };
  const [newest] =
    await sql`select max(number)::float8 as number from log_batches where service = 'core'`;
  await cutBatch(newest?.["number"]);
  assert.match(
    (await verify())[0] ?? "",
    /^core the newest lines that Helm had stored are missing$/,
  );
  const hash = await cutBatch(1);
  assert.match((await verify())[0] ?? "", /^core batch 1 is missing$/);
  // As Helm would write it, but for the proof, which takes the secret.
  await sql`update log_sources set pruned_number = 1, pruned_hash = ${hash} where service = 'core'`;
  const forged = "core what was pruned up to batch 1 was not pruned by this Helm";
  assert.equal((await verify())[0], forged);
  await sql`delete from log_sources where service = 'core'`;
  assert.equal((await verify())[0], "core where its chain begins is missing");
});

test("R26: what was cut off behind a Helm that still runs, or was killed, is missed too", async (t) => {
  const { write, startStore, waitForLines, sql, logDir } = await startTestLogs(t);
  startStore({ config });
  const hashOf = async () => (await readLogHeads(logDir))["core"]?.hash;
  write("core", lineAt(1, "one"));
  await waitFor(hashOf);
  const before = await hashOf();
  write("core", lineAt(2, "two"));
  await waitForLines(2);
  await waitFor(async () => (await hashOf()) !== before);
  await sql`delete from log_lines where line like '%two%'`;
  await sql`
    update log_batches set line_count = 1, last_id = first_id, hash = ${Buffer.from(before ?? "", "hex")}`;
  const [report] = await verifyChains(sql, chain, { heads: await readLogHeads(logDir) });
  assert.equal(report?.problem, "the newest lines that Helm had stored are missing");
});

test("R26: a chain made under another key is not Helm's", async (t) => {
  const { store, sql } = await startChains(t);
  await store(10);
  const [report] = await verifyChains(sql, new LogChain("not the secret"), { heads: {} });
  assert.match(report?.problem ?? "", /was not pruned by this Helm/);
});

async function startChains(t: TestContext) {
  const logs = await startTestLogs(t);
  const { write, sql, logDir } = logs;
  let stored = 0;
  return {
    write,
    sql,
    /** Has a Helm store what is new, after some lines of Core and one of Nexus; it remembers the ends. */
    async store(lines = 0) {
      if (lines > 0) {
        write("core", ...Array.from({ length: lines }, (_, i) => lineAt(i % 60, `line ${i}`)));
        write("nexus", lineAt(1, "one line"));
      }
      stored += lines === 0 ? 1 : lines + 1;
      const store = logs.startStore({ config });
      await logs.waitForLines(stored);
      await store.close();
    },
    /** Each service with the number of its lines, or the problem. */
    async verify(heads?: LogHeads) {
      const reports = await verifyChains(sql, chain, {
        heads: heads ?? (await readLogHeads(logDir)),
      });
      return reports
        .map(({ service, lines, problem }) => `${service} ${problem ?? `whole ${lines}`}`)
        .sort();
    },
  };
}
