import http from "node:http";
import https from "node:https";
import type { ServiceDefinition } from "./service_definition.ts";

/**
 * Asks `url`, e.g. `http://127.0.0.1:5000/health`. 2xx is healthy, and so are 401 and 404: a service
 * without a health endpoint is alive when it answers at all (design §6).
 *
 * @throws {Error} saying what came instead, which the supervisor shows
 */
export function httpHealth(url: string): ServiceDefinition["isReady"] {
  const target = new URL(url);
  const client = target.protocol === "https:" ? https : http;
  // Nexus' own certificate is self-signed at first. On loopback nobody else can answer in its place.
  const isLoopback = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(target.hostname);
  const options = { agent: false, rejectUnauthorized: !isLoopback };
  return async (signal) => {
    const { status, body } = await new Promise<Answer>((resolve, reject) => {
      const request = client.get(target, { ...options, signal }, (response) => {
        readAnswer(response).then(resolve, reject);
      });
      request.on("error", reject);
    }).catch((error) => {
      throw new Error(describe(error), { cause: error });
    });
    if ((status >= 200 && status < 300) || status === 401 || status === 404) return true;
    throw new Error(`health check answered ${status}${namesOfFailing(body)}`);
  };
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

const maxBodyBytes = 64 * 1024;

async function readAnswer(response: http.IncomingMessage): Promise<Answer> {
  let body = "";
  for await (const chunk of response.setEncoding("utf8")) {
    body += chunk;
    // Whoever has no health endpoint may answer with a page of any length; enough has been seen.
    if (body.length > maxBodyBytes) break;
  }
  return { status: response.statusCode ?? 0, body };
}

/** Of an answer of lib's health route, or of Keycloak's: ` (database failing)`. */
function namesOfFailing(body: string): string {
  try {
    const { checks } = JSON.parse(body);
    const names = Array.isArray(checks)
      ? checks.filter(({ status }) => status !== "UP").map(({ name }) => String(name))
      : Object.keys(checks).filter((name) => checks[name] !== "ok");
    return names.length === 0 ? "" : ` (${names.join(", ")} failing)`;
  } catch {
    return ""; // Somebody else's answer.
  }
}

function describe(error: NodeJS.ErrnoException): string {
  if (error.code === "ECONNREFUSED") return "not listening";
  if (error.name === "AbortError") return "no answer to the health check in time";
  return `health check failed: ${error.message}`;
}
