import assert from "node:assert/strict";
import test from "node:test";
import { HttpError } from "@hivematrix/lib/http_error";
import { router } from "@hivematrix/lib/router";
import { serve } from "@hivematrix/lib/serve";
import { createTestLog } from "@hivematrix/lib/testing";
import { startCore } from "../../core/testing.ts";
import { type AskCore, CoreError, createAskCore } from "./ask_core.ts";
import { listSessions } from "./core_sessions.ts";

test("Helm is known to Core by its secret, and nobody by another", async (t) => {
  const core = await startCore(t, { services: ["helm"] });
  await core.signIn();
  const { sessions, isTruncated } = await listSessions(
    createAskCore(core.url, core.basicOf("helm")),
  );
  assert.deepEqual([sessions.length, isTruncated], [1, false]);
  const refused = await trouble(createAskCore(core.url, core.basicOf("nexus")));
  assert.match(refused.message, /^Cannot list sessions: Core refuses: This is for Helm/);
  assert.deepEqual([refused.status, refused.mayHaveActed], [403, false]);
});

test("a Core that is not there has done nothing; one that breaks off or is late may have", async (t) => {
  const core = await startCore(t, { services: ["helm"] });
  await core.close();
  const away = await trouble(createAskCore(core.url, "Basic x"));
  assert.equal(away.message, 'Cannot list sessions: Core cannot be reached, see "helm status"');
  assert.deepEqual([away.status, away.mayHaveActed], [undefined, false]);

  const { url } = await answerWith(t, () => new Promise(() => {}));
  const late = await trouble(createAskCore(url, "Basic x", 100));
  assert.match(late.message, /: Core did not answer within 0\.1 s, see "helm status"$/);
  assert.deepEqual([late.status, late.mayHaveActed], [undefined, true]);

  const broken = await answerWith(t, () => new Response(brokenBody()));
  const cut = await trouble(createAskCore(broken.url, "Basic x"));
  assert.deepEqual([cut.reason, cut.mayHaveActed], ["Core broke off its answer", true]);
});

test("an answer of failure may have acted, and its reason is told", async (t) => {
  const { url } = await answerWith(t, () => {
    throw new HttpError(503, "Not every gateway knows");
  });
  const failed = await trouble(createAskCore(url, "Basic x"));
  assert.equal(failed.message, "Cannot list sessions: Core answers 503: Not every gateway knows");
  assert.deepEqual([failed.status, failed.mayHaveActed], [503, true]);
  const odd = await answerWith(t, () => new Response("<h1>no JSON", { status: 400 }));
  assert.match(
    (await trouble(createAskCore(odd.url, "Basic x"))).message,
    /refuses: nothing more$/,
  );
});

async function trouble(ask: AskCore): Promise<CoreError> {
  const error: unknown = await listSessions(ask).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof CoreError, String(error));
  return error;
}

/** Something else at Core's address. */
async function answerWith(t: test.TestContext, handler: () => Response | Promise<Response>) {
  const routes = [{ method: "GET", path: "/api/sessions", handler }];
  const log = createTestLog("core");
  const server = await serve(router(routes, { service: "core", log }), {
    port: 0,
    drainTimeoutMs: 10,
  });
  t.after(() => server.close());
  return { url: server.url.origin };
}

function brokenBody(): ReadableStream {
  return new ReadableStream({
    start: (controller) => controller.enqueue(new TextEncoder().encode('{"sessions"')),
    pull: (controller) => controller.error(new Error("broken on purpose")),
  });
}
