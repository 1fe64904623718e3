import { Agent, request } from "undici";

/** Connections are kept, as Nexus keeps its own to Core. */
const agent = new Agent({ connections: 32, pipelining: 1, headersTimeout: 60_000 });

/** @returns the answer's JSON @throws {Error} for any answer but 200 */
export async function post(url: string, body: object): Promise<unknown> {
  return await call(url, "POST", { "content-type": "application/json" }, JSON.stringify(body));
}

/** Ends all sessions of the token's owner. */
export async function endAll(coreUrl: string, token: string): Promise<void> {
  await call(`${coreUrl}/api/sessions`, "DELETE", { authorization: `Bearer ${token}` }, null);
}

/** A request of somebody who is signed in; what is answered does not matter. @returns its status */
export async function visit(nexusUrl: string, token: string): Promise<number> {
  const headers = { authorization: `Bearer ${token}` };
  const { statusCode, body } = await request(`${nexusUrl}/nothing/`, {
    headers,
    dispatcher: agent,
  });
  await body.dump();
  return statusCode;
}

/** Calls `act` with 0, 1, … `count` - 1, so many at once. @returns the results in that order */
export async function repeat<T>(
  count: number,
  atOnce: number,
  act: (index: number) => Promise<T>,
): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const work = async () => {
    for (let index = next++; index < count; index = next++) results[index] = await act(index);
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return results;
}

/** @returns how long it took, in milliseconds */
export async function time(act: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await act();
  return performance.now() - startedAt;
}

async function call(
  url: string,
  method: "POST" | "DELETE",
  headers: Readonly<Record<string, string>>,
  body: string | null,
): Promise<unknown> {
  const response = await request(url, { method, headers, body, dispatcher: agent });
  const text = await response.body.text();
  if (response.statusCode === 200) return JSON.parse(text);
  throw new Error(`${method} ${url} was answered with ${response.statusCode}: ${text}`);
}
