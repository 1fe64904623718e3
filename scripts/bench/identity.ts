// How soon Core notices what a real Keycloak does to people without a word, and what asking costs the
// two of them. `node --import tsx scripts/bench/identity.ts [rounds]`, some minutes with a real Keycloak.
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { findFreePort } from "@hivematrix/lib/postgres_testing";
import { startTestPostgres } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { decodeJwt } from "jose";
import { createPerson, type SignedIn, signIn } from "../../core/keycloak_sign_in_testing.ts";
import { type StartedCore, startCore } from "../../core/testing.ts";
import { AdminRequests } from "../../helm/keycloak/admin_requests.ts";
import {
  keycloakServerSkip,
  startKeycloakServer,
  type TestKeycloak,
} from "../../helm/keycloak/server_testing.ts";
import { percentile } from "./sessions/figures.ts";
import { createScope, withScope } from "./sessions/scope.ts";

/** As Helm sets it. */
const reconcile = { periodMs: 2000 };
const rounds = Number(process.argv[2] ?? 20);
/** So many people are signed in while nothing happens, for so long. */
const crowds = [0, 50, 500];
const idleMs = 70_000;

type Change = (admin: AdminRequests, who: { id: string; signedIn: SignedIn }) => Promise<unknown>;

const changes: Readonly<Record<string, Change>> = {
  disabled: (admin, { id }) => admin.ask("disable", "PUT", `/users/${id}`, { enabled: false }),
  deleted: (admin, { id }) => admin.ask("delete", "DELETE", `/users/${id}`),
  "other groups": async (admin, { id }) => {
    const { body } = await admin.ask("find", "GET", "/groups?exact=true&search=admins");
    return admin.ask("move", "PUT", `/users/${id}/groups/${(body as { id: string }[])[0]?.id}`);
  },
  "new password": (admin, { id }) => {
    const credential = { type: "password", value: "another password", temporary: false };
    return admin.ask("set", "PUT", `/users/${id}/reset-password`, credential);
  },
  "session ended": (admin, { signedIn }) =>
    admin.ask("end", "DELETE", `/sessions/${decodeJwt(signedIn.idToken)["sid"]}`),
  "everybody signed out": (admin) => admin.ask("end all", "POST", "/logout-all"),
};

const skip = keycloakServerSkip();
if (skip !== false) {
  console.log(`skipped: ${skip}`);
  process.exit(0);
}
const scope = createScope();
process.once("SIGINT", () => void scope.end().then(() => process.exit(130)));
try {
  const port = await findFreePort();
  const coreUrl = `http://127.0.0.1:${port}`;
  const keycloak = await startKeycloakServer(scope, { coreUrl, users: [] });
  const admin = new AdminRequests(keycloak.adminPlace);
  scope.after(() => admin.close());
  const times = await withScope(scope, async (inner) =>
    measureTimes(keycloak, await startCore(inner, { port, keycloak, reconcile }), admin),
  );
  const costs = [await measureCost(keycloak, admin, 0, "0, not asking")];
  for (const count of crowds) costs.push(await measureCost(keycloak, admin, count));
  if (rounds > 0) {
    console.log("| change in Keycloak | median ms | slowest ms |\n|---|---:|---:|");
    console.log(times.join("\n"));
  }
  console.log("\n| signed in | Core ms/s | Keycloak ms/s |\n|---:|---:|---:|");
  console.log(costs.join("\n"));
} finally {
  await scope.end();
}

/** From Keycloak's answer to the change until Core refuses the session. */
async function measureTimes(keycloak: TestKeycloak, core: StartedCore, admin: AdminRequests) {
  const lines: string[] = [];
  for (const [name, change] of Object.entries(changes)) {
    const taken: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const { id, username } = await createPerson(keycloak);
      const signedIn = await signIn(keycloak, core, username);
      // At any moment between two of Core's questions.
      await pause(Math.random() * reconcile.periodMs);
      await change(admin, { id, signedIn });
      const changedAt = performance.now();
      await waitFor(
        async () => {
          const { token } = signedIn;
          return (await core.post("/api/token/validate", { token })).status === 401;
        },
        { timeoutMs: 60_000 },
      );
      taken.push(performance.now() - changedAt);
    }
    if (rounds === 0) continue;
    const [middle, most] = [percentile(taken, 0.5), Math.max(...taken)].map(Math.round);
    lines.push(`| ${name} | ${middle} | ${most} |`);
  }
  return lines;
}

/** The time of a core that each takes while people are signed in and nothing happens. */
async function measureCost(
  keycloak: TestKeycloak,
  admin: AdminRequests,
  count: number,
  baseline?: string,
) {
  return await withScope(scope, async (inner) => {
    const { url: connectionString } = await startTestPostgres(inner);
    const asking = baseline === undefined ? { reconcile } : {};
    const core = await startCore(inner, { keycloak, connectionString, ...asking });
    for (let i = 0; i < count; i++) {
      const name = `crowd-${count}-${i}`;
      const made = await admin.ask("create", "POST", "/users", { username: name, enabled: true });
      const sub = String(made.headers["location"]).split("/").at(-1) ?? "";
      const user = { sub, name, email: "", preferred_username: name, groups: [] };
      await core.sessions.create({ ...user, permission_level: "client" }, 3600);
    }
    // Core has seen its events by then, and has begun to look at everybody.
    await pause(5000);
    const before = [readOwnCpuMs(), readCpuMs(keycloak.pid)] as const;
    await pause(idleMs);
    const after = [readOwnCpuMs(), readCpuMs(keycloak.pid)] as const;
    const live = (await core.sessions.listHeld()).length;
    if (live !== count) throw new Error(`${live} of ${count} sessions are left`);
    const [own = 0, other = 0] = after.map((ms, i) => ((ms - (before[i] ?? 0)) * 1000) / idleMs);
    return `| ${baseline ?? count} | ${own.toFixed(1)} | ${other.toFixed(1)} |`;
  });
}

function readOwnCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Linux alone tells it, in hundredths of a second. */
function readCpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
