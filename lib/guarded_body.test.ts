import assert from "node:assert/strict";
import type { UnderlyingSource } from "node:stream/web";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { guardBody } from "./guarded_body.ts";

const errors = {
  late: () => new Error("late"),
  broken: (cause: unknown) => new Error("broken", { cause }),
};

function bodyOf(source: UnderlyingSource<Uint8Array>) {
  return new Response(new ReadableStream(source, { highWaterMark: 0 }));
}

test("a response that keeps coming is passed on as it is", async () => {
  const headers = { "x-a": "1" };
  const original = new Response("content", { status: 201, statusText: "Made", headers });
  const guarded = guardBody(original, 1000, errors);
  assert.deepEqual([guarded.status, guarded.statusText], [201, "Made"]);
  assert.equal(guarded.headers.get("x-a"), "1");
  assert.equal(await guarded.text(), "content");
});

test("a response without a body stays without", () => {
  const original = new Response(null, { status: 304 });
  assert.equal(guardBody(original, 1000, errors), original);
});

test("a piece that does not come in time is an error, and the upstream is let go", async () => {
  let isCancelled = false;
  const guarded = guardBody(
    bodyOf({
      pull: () => new Promise(() => {}),
      cancel() {
        isCancelled = true;
      },
    }),
    20,
    errors,
  );
  await assert.rejects(guarded.text(), { message: "late" });
  assert.equal(isCancelled, true);
});

test("only waiting counts: neither the whole nor a slow reader is late", async () => {
  let pieces = 0;
  const guarded = guardBody(
    bodyOf({
      async pull(controller) {
        await sleep(100);
        if (++pieces > 5) controller.close();
        else controller.enqueue(new Uint8Array(1));
      },
    }),
    400,
    errors,
  );
  await sleep(500);
  assert.equal(pieces, 0, "nothing is read before somebody asks");
  assert.equal((await guarded.arrayBuffer()).byteLength, 5);
});

test("a body that breaks off is named so, with its cause", async () => {
  const cause = new Error("reset");
  const guarded = guardBody(
    bodyOf({
      pull() {
        throw cause;
      },
    }),
    1000,
    errors,
  );
  await assert.rejects(guarded.text(), { message: "broken", cause });
});

for (const isReading of [true, false]) {
  test(`who stops ${isReading ? "half-way" : "before reading"} lets the upstream go`, async () => {
    let reason: unknown;
    const guarded = guardBody(
      bodyOf({
        pull(controller) {
          controller.enqueue(new Uint8Array(1));
        },
        cancel(given) {
          reason = given;
        },
      }),
      1000,
      errors,
    );
    const reader = guarded.body?.getReader();
    if (isReading) await reader?.read();
    await reader?.cancel("enough");
    assert.equal(reason, "enough");
  });
}
