import { setTimeout as sleep } from "node:timers/promises";
import type { Sql } from "@hivematrix/lib/database";
import { startTestPostgres } from "@hivematrix/lib/testing";
import { time } from "./calls.ts";
import { type Figure, median, percentile } from "./figures.ts";
import type { Bench } from "./part.ts";
import { prepareCore } from "./services.ts";

/** Beside a start without sessions; one start differs from the next by more. */
const goalRatio = 1.1;
/** A validation that waits for the cleaning-up: as long as nobody notices. */
const goalStallMs = 250;

const idleSeconds = 1800;

/**
 * How long Core takes from its spawning to its first 200 of /health, with very many stored sessions
 * and with none, by turns; and what its first cleaning-up, of a fifth of them, does to those who are
 * there meanwhile.
 */
export async function measureStarts({ scope, sizes, provider }: Bench): Promise<Figure[]> {
  const env = { SESSION_IDLE_SECONDS: String(idleSeconds) };
  const prepare = async () => {
    const postgres = await startTestPostgres(scope);
    const start = prepareCore(scope, { provider, connectionString: postgres.url, env });
    // Makes the keys and the tables.
    await (await start()).stop();
    return { start, sql: postgres.sql };
  };
  const [empty, filled] = await Promise.all([prepare(), prepare()]);
  await fill(filled.sql, sizes.rows);
  const emptyMs: number[] = [];
  const filledMs: number[] = [];
  for (let round = 0; round < sizes.starts; round++) {
    emptyMs.push(await timeStart(empty.start));
    filledMs.push(await timeStart(filled.start));
  }

  await expireFifth(filled.sql);
  const core = await filled.start();
  const token = await core.signIn(0);
  const validatesMs: number[] = [];
  const cleaningMs = await time(async () => {
    do {
      validatesMs.push(await time(() => core.validate(token)));
      await sleep(2);
    } while (await hasExpired(filled.sql));
  });
  const ratio = median(filledMs) / median(emptyMs);
  const stored = `${sizes.rows} stored sessions`;
  return [
    { what: "start of Core, no stored sessions", value: median(emptyMs), unit: "ms" },
    { what: `start of Core, ${stored}`, value: median(filledMs), unit: "ms" },
    { what: `start, ${stored} beside none`, value: ratio, unit: "×", goal: goalRatio },
    {
      what: `start of Core, ${stored}, a fifth of them expired`,
      value: core.startedMs,
      unit: "ms",
    },
    // It begins when what a Core before may have granted is over, after two seconds.
    { what: "cleaning these up, from the start on", value: cleaningMs, unit: "ms" },
    {
      what: "validate meanwhile, p99",
      value: percentile(validatesMs, 0.99),
      unit: "ms",
      goal: goalStallMs,
    },
  ];
}

async function timeStart(start: ReturnType<typeof prepareCore>): Promise<number> {
  const core = await start();
  await core.stop();
  return core.startedMs;
}

/** Live sessions that were used lately, of people with a few devices each. */
async function fill(sql: Sql, rows: number): Promise<void> {
  // In this order it takes half the time.
  const indexes = await sql<{ name: string; definition: string }[]>`
    select indexname as name, indexdef as definition from pg_indexes
    where tablename = 'sessions' and indexname <> 'sessions_pkey'`;
  for (const { name } of indexes) await sql`drop index ${sql(name)}`;
  await sql`
    insert into sessions (
      id_hash, sub, user_data, sid, sealed_refresh_token,
      created_at, last_seen_at, expires_at, user_agent, address
    )
    select sha256(('session ' || i)::bytea), 'person ' || i / 4,
      jsonb_build_object('sub', 'person ' || i / 4, 'name', 'Ada Lovelace',
        'email', 'ada.lovelace.' || i || '@example.org', 'preferred_username', 'ada.lovelace.' || i,
        'permission_level', 'technician', 'groups', jsonb_build_array('technicians')),
      'provider session ' || i, repeat('x', 100), now(), now(), now() + interval '1 hour',
      'Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0', '192.168.1.1'
    from generate_series(1, ${rows}::int) as i`;
  for (const { definition } of indexes) await sql.unsafe(definition);
  await sql`vacuum analyze sessions`;
}

/** For so long that nobody logs out late. */
async function expireFifth(sql: Sql): Promise<void> {
  await sql`
    update sessions
    set created_at = now() - interval '2 days', expires_at = now() - interval '1 day'
    where get_byte(id_hash, 0) < 51`;
}

async function hasExpired(sql: Sql): Promise<boolean> {
  const rows = await sql`select 1 from sessions where expires_at < now() limit 1`;
  return rows.length > 0;
}
