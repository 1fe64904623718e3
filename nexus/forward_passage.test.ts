import assert from "node:assert/strict";
import { test } from "node:test";
import { sendRaw } from "@hivematrix/lib/raw_http_testing";
import fc from "fast-check";
import { startNexus, type TestNexus } from "./testing.ts";

/** Sends a request by hand. @returns the status, and what has reached the service of it */
async function send(nexus: TestNexus, requestLine: string, headers: readonly string[]) {
  const before = nexus.upstream.requests.length;
  const host = `Host: ${nexus.url.host}`;
  const answer = await sendRaw(nexus.url, [requestLine, host, ...headers, "Connection: close"]);
  const status = Number(answer.split(" ", 2)[1]);
  const reached = nexus.upstream.requests.slice(before);
  assert.ok(reached.length <= 1, "one request is one request");
  return { status, reached: reached[0], answer };
}

const targets = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ..."/ // . .. ... %2e %2E%2e %2f %5c \\ ; ..; ;x %00 %0d%0a %c0%af %25 %252e # ? @ : a".split(
          " ",
        ),
        ..."template helm core keycloak admin realms é %zz % * http://x http://evil.example/".split(
          " ",
        ),
      ),
      fc.string({ maxLength: 4 }).filter((text) => !/[\r\n]/.test(text)),
      // Any bytes at all but the one that ends the line.
      fc
        .uint8Array({ maxLength: 3 })
        .map((bytes) => String.fromCharCode(...bytes).replaceAll(/[\r\n]/g, "")),
    ),
    { maxLength: 7 },
  )
  .map((parts) => `/template/${parts.join("")}`);

test("R17: a target is refused, or the service sees exactly the path that was judged", async (t) => {
  const nexus = await startNexus(t, { services: { helm: { admin_only: true } } });
  const authorization = `Authorization: Bearer ${await nexus.obtainToken()}`;
  let forwarded = 0;
  await fc.assert(
    fc.asyncProperty(targets, async (target) => {
      const { status, reached } = await send(nexus, `GET ${target} HTTP/1.1`, [authorization]);
      if (reached === undefined) {
        // 505: after a space, node reads what follows as the version.
        assert.ok([400, 505].includes(status) || Number.isNaN(status), `${target}: ${status}`);
      } else {
        forwarded++;
        // Spaces before the version belong to the request line, not to the target.
        assert.equal(`/template${reached.target}`, target.replace(/ +$/, ""));
        assert.equal(reached.method, "GET");
      }
    }),
    { numRuns: 400 },
  );
  assert.ok(forwarded > 20, `${forwarded} were forwarded`);
});

test("R17: a path that leaves the service it begins with never reaches any", async (t) => {
  const nexus = await startNexus(t, { services: { helm: { admin_only: true } } });
  const authorization = `Authorization: Bearer ${await nexus.obtainToken()}`;
  const dots = ["..", "%2e%2e", "%2E.", ".%2e", "..;", "..;x=y", "%2e%2e;", "%c0%ae%c0%ae"];
  const slashes = ["/", "\\", "%2f", "%5c", "%c0%af", "//"];
  for (const dot of dots) {
    for (const slash of slashes) {
      const target = `/template${slash}${dot}${slash}helm/api/services`;
      const { status, reached } = await send(nexus, `GET ${target} HTTP/1.1`, [authorization]);
      assert.equal(reached, undefined, target);
      // A name that only looks like a service's is no service.
      assert.ok(status === 400 || status === 404, `${target}: ${status}`);
    }
  }
});

const reservedNames = [
  ..."Authorization Cookie Forwarded Via Traceparent X-Request-ID X-Real-IP".split(" "),
  ..."X-Forwarded-For X-Forwarded-Proto X-Forwarded-Host X-Forwarded-Port".split(" "),
  ..."X-Forwarded-Prefix X-Forwarded-User X-Forwarded-Uri X-Original-URL".split(" "),
];

test("R16: whatever a client sends, the service sees the gateway's own headers, each once", async (t) => {
  const nexus = await startNexus(t);
  const token = await nexus.obtainToken();
  const separators = fc.constantFrom(..."-_.~!$".split(""));
  const names = fc
    .tuple(fc.constantFrom(...reservedNames.slice(2)), separators)
    .chain(([name, separator]) => fc.mixedCase(fc.constant(name.replaceAll("-", separator))));
  const connection = fc.option(fc.constantFrom(...reservedNames), { nil: undefined });
  await fc.assert(
    fc.asyncProperty(fc.array(names, { maxLength: 4 }), connection, async (forged, named) => {
      const { status, reached } = await send(nexus, "GET /template/x HTTP/1.1", [
        `Authorization: Bearer ${token}`,
        ...forged.map((name) => `${name}: forged`),
        ...(named === undefined ? [] : [`Connection: ${named}`]),
      ]);
      assert.equal(status, 200);
      assert.ok(!reached?.rawHeaders.includes("forged"), String(reached?.rawHeaders));
      assert.deepEqual(reached?.headers("authorization"), [`Bearer ${token}`]);
      assert.deepEqual(reached?.headers("x-forwarded-for"), ["127.0.0.1"]);
      assert.deepEqual(reached?.headers("x-forwarded-host"), [nexus.url.host]);
      assert.deepEqual(reached?.headers("x-forwarded-prefix"), ["/template"]);
      assert.equal(reached?.headers("x-request-id").length, 1);
    }),
    { numRuns: 150 },
  );
});

test("R16: a second token does not reach the service in any spelling", async (t) => {
  const nexus = await startNexus(t);
  const token = await nexus.obtainToken();
  for (const name of ["authorization", "AUTHORIZATION", "Authorization_", "_Authorization"]) {
    const { reached } = await send(nexus, "GET /template/x HTTP/1.1", [
      `Authorization: Bearer ${token}`,
      `${name}: Bearer forged`,
    ]);
    assert.deepEqual(reached?.headers("authorization"), [`Bearer ${token}`]);
  }
});

test("a trace that a client has begun goes on, one that is none begins anew", async (t) => {
  const nexus = await startNexus(t);
  const authorization = `Authorization: Bearer ${await nexus.obtainToken()}`;
  const trace = async (...given: string[]) => {
    const headers = [authorization, ...given.map((value) => `Traceparent: ${value}`)];
    const { reached } = await send(nexus, "GET /template/x HTTP/1.1", headers);
    const traces = reached?.headers("traceparent") ?? [];
    assert.equal(traces.length, 1);
    assert.match(traces[0] ?? "", /^00-[0-9a-f]{32}-[0-9a-f]{16}-\d\d$/);
    return traces[0]?.split("-")[1];
  };
  const id = "0123456789abcdef0123456789abcdef";
  assert.equal(await trace(`00-${id}-0123456789abcdef-01`), id);
  assert.notEqual(await trace(`00-${id}-0123456789abcdef-01`, `00-${id}-0123456789abcdef-01`), id);
  assert.notEqual(await trace("00-nonsense"), "nonsense");
});

test("the request id that a service sees is the one in the log, never the client's", async (t) => {
  const nexus = await startNexus(t);
  const authorization = `Authorization: Bearer ${await nexus.obtainToken()}`;
  const headers = [authorization, "X-Request-ID: forged-request-id"];
  const { reached } = await send(nexus, "GET /template/x HTTP/1.1", headers);
  const [id = ""] = reached?.headers("x-request-id") ?? [];
  assert.ok(nexus.logLines.some((line) => line.includes(id)));
  assert.ok(!nexus.logLines.some((line) => line.includes("forged-request-id")));
});
