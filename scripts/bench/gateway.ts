// What a request through Nexus costs, beside other gateways, all measured in alternation in one run.
// `npm run bench`, or `node --import tsx scripts/bench/gateway.ts --only Nexus,nginx --rounds 3`
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { apache } from "./gateway/apache.ts";
import type { Contender, Running } from "./gateway/contender.ts";
import { sendLoad } from "./gateway/load.ts";
import { nexus, nexusWithoutComposition } from "./gateway/nexus.ts";
import { nginxAuth, nginxComposing, nginxPlain } from "./gateway/nginx.ts";
import { installPeers, npmGateways } from "./gateway/npm_gateways.ts";
import {
  cpuMicroseconds,
  residentBytes,
  Scope,
  startScript,
  withDescendants,
} from "./gateway/processes.ts";
import { growthTable, type Measured, scenarioTable } from "./gateway/report.ts";

const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    scenarios: { type: "string", default: "json,page,megabyte,gigabyte" },
    rounds: { type: "string", default: "5" },
    connections: { type: "string", default: "32" },
    peers: { type: "string", default: join(tmpdir(), "hivematrix-bench-peers") },
    processes: { type: "string", default: "1" },
    profile: { type: "string" },
    "install-peers": { type: "boolean", default: false },
  },
});

/** Requests a round; the bigger the answer, the fewer. */
const scenarios: Readonly<Record<string, { path: string; requests: number }>> = {
  json: { path: "/json", requests: 10_000 },
  page: { path: "/page", requests: 8000 },
  megabyte: { path: "/megabyte", requests: 150 },
};

const direct: Contender = {
  name: "no gateway",
  start: async ({ upstreamUrl }) => ({ url: upstreamUrl, pids: [] }),
};
const bareProxy: Contender = {
  name: "bare undici proxy",
  async start({ scope, upstreamUrl }) {
    const script = join(import.meta.dirname, "gateway", "bare_proxy.ts");
    const { pid, port } = await startScript(scope, script, upstreamUrl);
    return { url: `http://127.0.0.1:${port}`, pids: [pid] };
  },
};
const contenders: readonly Contender[] = [
  direct,
  bareProxy,
  nexus,
  nexusWithoutComposition,
  nginxPlain,
  nginxAuth,
  nginxComposing,
  apache,
  ...npmGateways,
];

const scope = new Scope();
const folder = mkdtempSync(join(tmpdir(), "hivematrix-bench-"));
scope.after(() => rmSync(folder, { recursive: true, force: true }));
process.once("SIGINT", () => void scope.end().then(() => process.exit(130)));

if (options["install-peers"]) installPeers(options.peers);
try {
  const { port } = await startScript(scope, join(import.meta.dirname, "gateway", "upstream.ts"));
  const bench = {
    scope,
    folder,
    upstreamUrl: `http://127.0.0.1:${port}`,
    peersFolder: options.peers,
    processes: options.processes,
    profileFolder: options.profile,
  };
  const running = new Map<string, Running>();
  const wanted = options.only?.split(",");
  for (const { name, start } of contenders) {
    if (wanted !== undefined && !wanted.includes(name)) continue;
    const started = await start(bench);
    if (typeof started === "string") console.log(`skipped: ${name}: ${started}`);
    else running.set(name, started);
  }
  sendAlike(running);
  for (const scenario of options.scenarios.split(",")) {
    if (scenario === "gigabyte") console.log(growthTable(await measureGrowth(running)));
    else console.log(scenarioTable(scenario, await measure(scenario, running)));
  }
} finally {
  await scope.end();
}

/**
 * To read a browser's headers costs something too. So those that authenticate nobody get the same as
 * Nexus, and those that do get their own session's cookie in its place.
 */
function sendAlike(running: Map<string, Running>): void {
  const common = running.get(nexus.name)?.headers ?? {};
  for (const [name, contender] of running) {
    running.set(name, { ...contender, headers: { ...common, ...contender.headers } });
  }
}

/** How much memory each takes for a download of 1 GiB, in bytes. */
async function measureGrowth(running: ReadonlyMap<string, Running>): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (const [name, { url, headers = {}, pids }] of running) {
    const own = withDescendants(pids);
    if (own.length === 0) continue;
    const before = residentBytes(own);
    let most = before;
    const look = setInterval(() => {
      most = Math.max(most, residentBytes(own));
    }, 50);
    await sendLoad({ url: `${url}/gigabyte`, headers, requests: 1, connections: 1 });
    clearInterval(look);
    found.set(name, most - before);
  }
  return found;
}

/** Every contender in every round, so that a busy moment of the machine falls on all of them. */
async function measure(
  scenario: string,
  running: ReadonlyMap<string, Running>,
): Promise<ReadonlyMap<string, Measured[]>> {
  const { path, requests } = scenarios[scenario] ?? { path: `/${scenario}`, requests: 1000 };
  const found = new Map<string, Measured[]>();
  for (let round = 0; round <= Number(options.rounds); round++) {
    for (const [name, { url, headers = {}, pids, besidePids = [] }] of running) {
      const own = withDescendants(pids);
      const before = { own: cpuMicroseconds(own), beside: cpuMicroseconds(besidePids) };
      const connections = Number(options.connections);
      const load = await sendLoad({ url: url + path, headers, requests, connections });
      const measured = {
        load,
        cpuMicroseconds: (cpuMicroseconds(own) - before.own) / requests,
        besideMicroseconds: (cpuMicroseconds(besidePids) - before.beside) / requests,
      };
      // The first round only warms up.
      if (round > 0) found.set(name, [...(found.get(name) ?? []), measured]);
    }
  }
  return found;
}
