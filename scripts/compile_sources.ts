// Has every service's sources compiled once, into tsx's cache, without running any of them. A service
// that finds something uncompiled starts esbuild and keeps it, 12 MB, for as long as it lives; and
// four of them at a first start would compile lib four times. Helm itself is compiled otherwise
// (helm/control/compiled_daemon.ts).
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const root = join(import.meta.dirname, "..");
const entries = [
  "core/main.ts",
  // What Nexus's entry loads as it needs it.
  "nexus/keep_workers.ts",
  "nexus/serve_gateway.ts",
  "nexus/main.ts",
  "template/main.ts",
  "helm/keycloak/main.ts",
  // What "helm up" loads.
  "helm/commands/up.ts",
  "helm/control/spawn_daemon.ts",
].map((file) => JSON.stringify(pathToFileURL(join(root, file)).href));
// All modules of a graph are loaded before the first one runs. This graph cannot be linked, because
// an export is missing, so loading is all that happens.
const graph = [
  ...entries.map((entry) => `import ${entry};`),
  'import { thereIsNoSuchExport } from "node:fs";',
];
await import(`data:text/javascript,${encodeURIComponent(graph.join("\n"))}`).catch((error) => {
  const isExpected = error instanceof SyntaxError && error.message.includes("thereIsNoSuchExport");
  if (!isExpected) throw error;
});
