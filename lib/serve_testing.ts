// For tests of serving: a server that a test starts with the handler it needs.
import { type RequestHandler, type ServeOptions, serve } from "./serve.ts";
import { createTestLog, type TestScope } from "./testing.ts";

/** A server of a test's own, closed with it, with its log at hand. */
export async function startServer(
  t: TestScope,
  handle: RequestHandler,
  options: Partial<ServeOptions> = {},
) {
  const log = createTestLog();
  const server = await serve(handle, { port: 0, log, ...options });
  t.after(() => server.close());
  return { ...server, log };
}

/** A promise to be resolved from outside (Node 20 has no Promise.withResolvers). */
export function defer<T = void>() {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** Answers with what the handler was given. */
export const echo: RequestHandler = async (request, peer) =>
  Response.json({
    method: request.method,
    url: request.url,
    headers: Object.fromEntries(request.headers),
    body: await request.text(),
    peer: peer.address,
  });

/** The header that a request written by hand needs. */
export const host = "Host: localhost";
