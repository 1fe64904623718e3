// What the gateway does when its own pages fail: each answer fails alone.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { HttpError } from "@hivematrix/lib/http_error";
import { createTestLog } from "@hivematrix/lib/testing";
import { request } from "undici";
import { createGateway, type GatewayParts } from "./gateway.ts";
import { defaultLimits } from "./limits.ts";
import { type OwnHandler, readable } from "./own_request.ts";
import type { Pages } from "./pages.ts";
import { RequestCounters } from "./request_counters.ts";

const handlers: Readonly<Record<string, OwnHandler>> = {
  "/fine": () => new Response("fine"),
  "/throws": () => {
    throw new HttpError(409, "it throws");
  },
  "/rejects": async () => {
    throw new Error("it rejects");
  },
  // Nobody can add a header to this one.
  "/closed": () => Response.redirect("http://127.0.0.1/elsewhere", 302),
  "/closed-later": async () => Response.redirect("http://127.0.0.1/elsewhere", 302),
};

test("a page of Nexus's own that fails is an error of that request, also where no error page can be made", async (t) => {
  const log = createTestLog("nexus");
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const parts: Partial<GatewayParts> = {
    publicOrigin: new URL(origin),
    limits: defaultLimits,
    log,
    counters: new RequestCounters(),
    ownHeaders: { "x-content-type-options": "nosniff" },
    readClientAddress: () => "127.0.0.1",
    sessionCookie: { readHeader: () => ({ token: undefined, foreignCookies: "" }) } as never,
    openPages: new Map(Object.entries(handlers).map(([path, own]) => [path, readable(own)])),
    pages: {
      message: () => {
        throw new Error("the view is gone");
      },
    } as unknown as Pages,
  };
  server.on("request", createGateway(parts as GatewayParts));

  const ask = async (path: string, accept: string) =>
    (await request(origin + path, { headers: { accept }, reset: true })).statusCode;
  const expected = { "/throws": 409, "/rejects": 500, "/closed": 500, "/closed-later": 500 };
  for (const [path, status] of Object.entries(expected)) {
    assert.equal(await ask(path, "application/json"), status, path);
    await assert.rejects(ask(path, "text/html"), /other side closed/, path);
    assert.equal(await ask("/fine", "text/html"), 200);
  }
  const broken = log.lines.filter((line) => line.includes("the answer broke off"));
  assert.equal(broken.length, 4);
});
