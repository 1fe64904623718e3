// For tests: the one Keycloak that all files of a test run share, each in realms of its own. Starting it
// takes a machine's whole attention for a quarter of a minute, so a file has one of its own only where
// the server itself is stopped or restarted, or its log is read.
import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import type { TestScope } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { AdminRequests } from "./admin_requests.ts";
import { mendRepresentation } from "./realm_client.ts";
import type { Fields } from "./realm_diff.ts";
import {
  describeServer,
  setUpTestRealm,
  startKeycloakServer,
  type TestKeycloak,
  type TestKeycloakOptions,
} from "./server_testing.ts";
import { TestBrowser } from "./testing_browser.ts";

export type SharedKeycloak = ReturnType<typeof describeServer> & Pick<TestKeycloak, "openBrowser">;

/** Names the file in which the test run says where the server is, once it is ready. */
const variable = "HIVEMATRIX_TEST_KEYCLOAK";

/** A realm of the test's own at the shared server; without one, at a server for this file. */
export async function shareKeycloakServer(
  scope: TestScope,
  options: Omit<TestKeycloakOptions, "databaseUrl"> = {},
): Promise<SharedKeycloak> {
  const file = process.env[variable];
  if (file === undefined) return await startKeycloakServer(scope, options);
  const { publicOrigin = "http://hive.test:8000" } = options;
  const realm = `hivematrix-${randomBytes(4).toString("hex")}`;
  const place = describeServer(await readBackendUrl(file), publicOrigin, realm);
  if (options.realm !== "none") {
    await setUpTestRealm(place, publicOrigin, options);
    await setPublicAddress(place);
  }
  return { ...place, openBrowser: () => new TestBrowser(place) };
}

/** Starts the server that is shared from then on, and says in the file where it is, or why not. */
export async function startSharedServer(scope: TestScope, file: string): Promise<void> {
  const said = await startKeycloakServer(scope, { realm: "none" }).then(
    ({ backendUrl }) => ({ backendUrl }),
    (error: Error) => ({ error: error.message }),
  );
  await writeFile(file, JSON.stringify(said));
}

/** The server has one public address, and a realm may have another: each Nexus of a test has its own. */
async function setPublicAddress({ adminPlace, serverUrl, realm }: SharedPlace): Promise<void> {
  const admin = new AdminRequests(adminPlace);
  try {
    const found = (await admin.ask("read the realm", "GET", "")).body as Fields;
    const wanted = { attributes: { frontendUrl: serverUrl } };
    await mendRepresentation(admin, { what: realm, path: "", found, wanted });
  } finally {
    admin.close();
  }
}

type SharedPlace = ReturnType<typeof describeServer>;

async function readBackendUrl(file: string): Promise<string> {
  const read = () => readFile(file, "utf8").then(parse, () => undefined);
  const said = await waitFor(read, { timeoutMs: 180_000, what: "the shared Keycloak" });
  if (said.backendUrl === undefined) throw new Error(`No shared Keycloak: ${said.error}`);
  return said.backendUrl;
}

/** @returns undefined while the file is being written */
function parse(text: string): { backendUrl?: string; error?: string } | undefined {
  return text.endsWith("}") ? JSON.parse(text) : undefined;
}
