// For embedded_server.test.ts: starts a server in the folder that is its argument, as whoever runs
// this, and prints who that was and what was started.
import { findFreePort } from "@hivematrix/lib/postgres_testing";
import { createManager } from "../services/testing.ts";
import { postgresDefinition } from "./embedded_server.ts";

const folder = process.argv[2] ?? "";
const cleanUps: (() => unknown)[] = [];
const scope = { after: (cleanUp: () => unknown) => void cleanUps.push(cleanUp) };
const dataDir = `${folder}/postgres`;
const definition = await postgresDefinition({
  dataDir,
  port: await findFreePort(),
  password: "plain",
});
const { manager } = await createManager(scope, [definition], { folder });
try {
  await manager.startAll();
  await manager.waitUntilReady();
  console.log(JSON.stringify([process.getuid?.(), definition]));
} finally {
  for (const cleanUp of cleanUps) await cleanUp();
}
