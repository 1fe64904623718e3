import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import path from "node:path";
import test from "node:test";
import { findFreePort } from "@hivematrix/lib/postgres_testing";
import type { TestScope } from "@hivematrix/lib/testing";
import { httpHealth } from "./health_check.ts";
import { makeFolder } from "./testing.ts";

const anyTime = () => AbortSignal.timeout(10_000);

test("2xx is healthy, and 401 and 404 are signs of life", async (t) => {
  for (const status of [200, 204, 401, 404]) {
    const port = await listen(
      t,
      http.createServer((_request, response) => respond(response, status)),
    );
    assert.equal(await httpHealth(`http://127.0.0.1:${port}/health`)(anyTime()), true);
  }
});

test("any other answer is named, with the checks that fail", async (t) => {
  for (const status of [302, 403, 500]) {
    const port = await listen(
      t,
      http.createServer((_request, response) => respond(response, status)),
    );
    const isReady = httpHealth(`http://127.0.0.1:${port}/health`);
    await assert.rejects(isReady(anyTime()), { message: `health check answered ${status}` });
  }
  const body = JSON.stringify({ checks: { database: "failing", disk: "ok" } });
  const port = await listen(
    t,
    http.createServer((_request, response) => respond(response, 503, body)),
  );
  await assert.rejects(httpHealth(`http://127.0.0.1:${port}/`)(anyTime()), {
    message: "health check answered 503 (database failing)",
  });
});

test("Keycloak's failing checks are named too", async (t) => {
  const checks = [
    { name: "Keycloak Initialized", status: "DOWN" },
    { name: "Graceful Shutdown", status: "UP" },
  ];
  const body = JSON.stringify({ status: "DOWN", checks });
  const server = http.createServer((_request, response) => respond(response, 503, body));
  const port = await listen(t, server);
  await assert.rejects(httpHealth(`http://127.0.0.1:${port}/`)(anyTime()), {
    message: "health check answered 503 (Keycloak Initialized failing)",
  });
});

test("nobody there and nobody answering are told apart", async (t) => {
  const isReady = httpHealth(`http://127.0.0.1:${await findFreePort()}/health`);
  await assert.rejects(isReady(anyTime()), { message: "not listening" });
  const silent = await listen(t, http.createServer());
  await assert.rejects(httpHealth(`http://127.0.0.1:${silent}/`)(AbortSignal.timeout(50)), {
    message: "no answer to the health check in time",
  });
});

test("a self-signed certificate is accepted on loopback only", async (t) => {
  const folder = await makeFolder(t);
  const [key, cert] = [path.join(folder, "key.pem"), path.join(folder, "cert.pem")];
  execFileSync(
    "openssl",
    [
      "req",
      "-x509",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-subj",
      "/CN=x",
      "-keyout",
      key,
      "-out",
      cert,
    ],
    { stdio: "ignore" },
  );
  const identity = { key: readFileSync(key), cert: readFileSync(cert) };
  const server = https.createServer(identity, (_request, response) => respond(response, 200));
  const port = await listen(t, server);
  assert.equal(await httpHealth(`https://127.0.0.1:${port}/health`)(anyTime()), true);
  // Leads to the same server, by an address that is not known to be loopback.
  await assert.rejects(
    httpHealth(`https://[::ffff:127.0.0.1]:${port}/health`)(anyTime()),
    /health check failed: .*self-signed/,
  );
});

function respond(response: http.ServerResponse, status: number, body = ""): void {
  response.statusCode = status;
  response.end(body);
}

async function listen(scope: TestScope, server: http.Server | https.Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  scope.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}
