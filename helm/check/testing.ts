// For tests of the checks: a service of the test's own in an installation with a real Core.
import { appendFileSync, mkdirSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { TestScope } from "@hivematrix/lib/testing";
import { type StartedCore, startCore } from "../../core/testing.ts";
import { makeConfiguration, withCore } from "../commands/testing.ts";
import type { Checkout } from "../config/checkout.ts";
import { loadMasterConfig, saveMasterConfig } from "../config/master_config.ts";
import { logFile } from "../control/log_tail.ts";
import { checkService } from "./check_service.ts";
import type { CheckResult } from "./finding.ts";

export interface TestSubject {
  readonly checkout: Checkout;
  readonly core: StartedCore;
  /** As its standard output would. */
  log(line: string): void;
  /** `helm …` in this installation. */
  helm(...words: string[]): Promise<{ status: number; stdout: string; stderr: string }>;
  /** Serves at the service's port until the test ends. @param host default: 127.0.0.1 */
  serve(listener: RequestListener, host?: string): Promise<void>;
  check(path?: string): Promise<Map<string, CheckResult>>;
}

/** A service `rota`, configured, with the files that an app needs. */
export async function makeSubject(t: TestScope): Promise<TestSubject> {
  const core = await startCore(t, { services: ["core", "helm", "rota"] });
  const { checkout, helm } = await makeConfiguration(t);
  const folder = checkout.appFolder("rota");
  await mkdir(join(folder, "views"), { recursive: true });
  for (const file of ["install.sh", "main.ts", "package.json"]) {
    await writeFile(join(folder, file), "");
  }
  await chmod(join(folder, "install.sh"), 0o755);
  mkdirSync(checkout.logDir, { recursive: true });
  const configure = async (port: number) => {
    const config = await loadMasterConfig(checkout);
    const { apps, ...others } = withCore(config, core);
    const rota = { ...config.apps["template"], port };
    await saveMasterConfig(checkout, { ...others, apps: { ...apps, rota } });
    await helm("config", "sync-all");
  };
  let port = 0;
  return {
    checkout,
    core,
    helm,
    log: (line) => appendFileSync(logFile(checkout.logDir, "rota"), `${line}\n`),
    async serve(listener, host = "127.0.0.1") {
      const server = createServer(listener);
      await new Promise<void>((resolve) => server.listen(0, host, resolve));
      t.after(() => {
        server.closeAllConnections();
        server.close();
      });
      ({ port } = server.address() as AddressInfo);
      await configure(port);
    },
    async check(path) {
      const config = await loadMasterConfig(checkout);
      const services = ["core", "helm", "rota"];
      const rota = { name: "rota", url: `http://127.0.0.1:${port}` };
      const results = await checkService({ checkout, config, services }, rota, path);
      return new Map(results.map((result) => [result.check, result]));
    },
  };
}
