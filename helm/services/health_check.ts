import type { ServiceDefinition } from "./service_definition.ts";

/** Asks `url`, e.g. `http://127.0.0.1:5000/health`; 2xx, 401 and 404 count as alive. */
export function httpHealth(url: string): ServiceDefinition["isReady"] {
  throw new Error(`Not written yet ${url}`);
}
