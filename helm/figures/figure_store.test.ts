import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import type { Sql } from "@hivematrix/lib/database";
import { createTestLog, startTestPostgres } from "@hivematrix/lib/testing";
import type { ServiceStatus } from "../services/service_status.ts";
import { field } from "./figure_fields.ts";
import { FigureStore } from "./figure_store.ts";
import { Figures } from "./figures.ts";
import { countsOf, pushOf } from "./figures_testing.ts";
import { hourMs, minuteMs } from "./service_series.ts";

test("a restart of Helm keeps the figures, and counts on where it was", async (t) => {
  const { sql } = await startTestPostgres(t);
  let now = Date.now() - 10 * minuteMs;
  const clock = () => now;
  const services: ServiceStatus[] = [templateWith({ cpuSeconds: 10 })];
  const platform = { status: async () => statusOf(services) };
  const before = await openFigures(platform, clock, sql);
  before.figures.receive(pushOf("a", 1, { template: countsOf(10) }));
  await before.figures.sample();
  now += minuteMs;
  services[0] = templateWith({ cpuSeconds: 16 });
  await before.figures.sample();
  before.figures.receive(pushOf("a", 61, { template: countsOf(70) }));
  await before.store.save();
  now += 10_000;
  // Counted, but not stored any more: Helm is killed.
  before.figures.receive(pushOf("a", 71, { template: countsOf(75) }));

  now += 2 * minuteMs;
  const after = new Figures(platform, createTestLog(), clock);
  // Nexus tells before the database is there.
  after.receive(pushOf("a", 191, { template: countsOf(100) }));
  await openStore(after, sql);
  now += 5 * minuteMs;
  const { minutes } = after.seriesOf("template");
  let requests = 0;
  for (let minute = minutes.slotAt(now - hourMs); minute <= minutes.slotAt(now); minute++) {
    requests += minutes.read(minute)?.[field.requests] ?? 0;
  }
  assert.equal(Math.round(requests), 100);
  const range = after.rangeOf("template", 1);
  assert.ok(range.cpuPercent.some((percent) => percent !== null && Math.abs(percent - 10) < 0.1));
  assert.ok(range.memoryBytes.includes(5e7));
});

test("what is older than a day is deleted", async (t) => {
  const { sql } = await startTestPostgres(t);
  const old = new Date(Date.now() - 25 * hourMs);
  const { store, figures } = await openFigures({ status: async () => statusOf([]) }, Date.now, sql);
  await sql`insert into figure_minutes values ('gone', ${old}, 0, 0, 0, 0, 0, 0, 0, array[]::real[])`;
  await sql`insert into figure_sources values ('gone', ${old}, 1, '{}')`;
  figures.receive(pushOf("new", 1, { template: countsOf(1) }));
  await store.save();
  assert.deepEqual(
    [...(await sql`select distinct service from figure_minutes`)],
    [{ service: "template" }],
  );
  assert.deepEqual([...(await sql`select instance from figure_sources`)], [{ instance: "new" }]);
});

test("while the database is away nothing is lost, and it is said once", async (t) => {
  const { sql } = await startTestPostgres(t);
  const log = createTestLog();
  const figures = new Figures({ status: async () => statusOf([]) }, log);
  const store = await openStore(figures, sql, log);
  await sql`alter table figure_minutes rename to away`;
  figures.receive(pushOf("a", 1, { template: countsOf(3) }));
  await store.save();
  await store.save();
  assert.equal(log.lines.filter((line) => line.includes("figures are stored later")).length, 1);
  await sql`alter table away rename to figure_minutes`;
  await store.save();
  const [row] = await sql`select sum(requests) as requests from figure_minutes`;
  assert.equal(row?.["requests"], 3);
  await store.close();
});

async function openFigures(
  platform: ConstructorParameters<typeof Figures>[0],
  clock: () => number,
  sql: Sql,
) {
  const figures = new Figures(platform, createTestLog(), clock);
  return { figures, store: await openStore(figures, sql) };
}

async function openStore(figures: Figures, sql: Sql, log = createTestLog()): Promise<FigureStore> {
  const store = new FigureStore(figures, log);
  await store.open({
    async open(schemaFile) {
      await sql.unsafe(readFileSync(schemaFile, "utf8"));
      return sql;
    },
  });
  return store;
}

function templateWith({ cpuSeconds }: { cpuSeconds: number }): ServiceStatus {
  return {
    name: "template",
    state: "ready",
    pid: 1,
    uptimeSeconds: 3600,
    memoryBytes: 5e7,
    cpuSeconds,
    restarts: 0,
    dependencies: [],
  };
}

function statusOf(services: readonly ServiceStatus[]) {
  return { address: "", environment: "development", isDev: false, services };
}
