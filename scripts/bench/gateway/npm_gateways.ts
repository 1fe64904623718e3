import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Contender } from "./contender.ts";
import { startScript } from "./processes.ts";

/** Each package and what it needs beside it. */
const packages: Readonly<Record<string, readonly string[]>> = {
  "http-proxy-3": ["http-proxy-3"],
  "@fastify/http-proxy": ["@fastify/http-proxy", "fastify"],
};

export const npmGateways: readonly Contender[] = Object.keys(packages).map((name) => ({
  name,
  async start({ scope, peersFolder, upstreamUrl }) {
    if (!existsSync(join(peersFolder, "node_modules", name))) {
      return "it is not installed (run this with --install-peers)";
    }
    const script = join(import.meta.dirname, "npm_gateway.ts");
    const { pid, port } = await startScript(scope, script, name, peersFolder, upstreamUrl);
    return { url: `http://127.0.0.1:${port}`, pids: [pid] };
  },
}));

/** They are no dependencies of ours, so they are installed in a folder of their own. */
export function installPeers(folder: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), '{"private":true}');
  const words = ["install", "--no-audit", "--no-fund", ...Object.values(packages).flat()];
  execFileSync("npm", words, { cwd: folder, stdio: "inherit" });
}
