import assert from "node:assert/strict";
import { appendFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { waitFor } from "@hivematrix/lib/wait_for";
import { makeCheckout } from "../testing.ts";
import { LogStreams, type StreamWish } from "./log_stream.ts";

test("what a service writes is sent line by line, with what was read of it", async (t) => {
  const { write, heard } = await follow(t, { services: ["core"], filter: {} });
  const head = { time: "2026-11-23T20:41:01.000Z", level: "warn", message: "refused \u001b[31m" };
  await write("core", JSON.stringify({ ...head, request_id: "abcdef12", status: 401 }));
  await write("nexus", "somebody else's");
  await write("core", "  at further (line)");
  await waitFor(() => heard().length === 2);
  assert.deepEqual(heard()[0], {
    time: "2026-11-23T20:41:01.000Z",
    service: "core",
    level: "warn",
    requestId: "abcdef12",
    text: "refused \\u{1b}[31m status=401",
  });
  const { level, requestId, text } = heard()[1] ?? {};
  assert.deepEqual([level, requestId, text], ["warn", "abcdef12", "  at further (line)"]);
});

test("only the lines that a filter wants are sent", async (t) => {
  const { write, heard } = await follow(t, { services: ["core"], filter: { level: "error" } });
  await write("core", '{"level":"info","message":"no"}');
  await write("core", '{"level":"error","message":"yes"}');
  await waitFor(() => heard().length === 1);
  assert.equal(heard()[0]?.["text"], "yes");
});

test("a reader that does not read costs a bounded number of events, and is told what it missed", async (t) => {
  const logDir = await makeLogDir(t);
  const streams = new LogStreams(logDir);
  const { body } = streams.stream({ services: ["core"], filter: {} }, Date.now() + 60_000);
  t.after(() => streams.close());
  const lines = Array.from({ length: 5000 }, (_, i) => `line ${i}\n`).join("");
  await appendFile(join(logDir, "core.log"), lines);
  const reader = body?.getReader();
  const read = async () => new TextDecoder().decode((await reader?.read())?.value);
  // Room is made one by one; the next line that is written brings the number.
  let text = "";
  while (!text.includes("line 900")) text = await read();
  await appendFile(join(logDir, "core.log"), "later\n");
  let missed = "";
  while (!text.includes("later")) {
    text = await read();
    missed = /^event: skipped\ndata: (\d+)/.exec(text)?.[1] ?? missed;
  }
  assert.ok(Number(missed) >= 3900, `missed ${missed}`);
});

test("closing ends every stream, and so does the end of its time", async (t) => {
  const logDir = await makeLogDir(t);
  const streams = new LogStreams(logDir);
  const wish = { services: ["core"], filter: {} };
  const open = streams.stream(wish, Date.now() + 60_000);
  const short = streams.stream(wish, Date.now() + 50);
  assert.equal(await short.text(), ": following\n\n");
  streams.close();
  assert.equal(await open.text(), ": following\n\n");
});

async function makeLogDir(t: TestContext): Promise<string> {
  const { logDir } = await makeCheckout(t);
  await mkdir(logDir, { recursive: true });
  return logDir;
}

async function follow(t: TestContext, wish: StreamWish) {
  const logDir = await makeLogDir(t);
  const streams = new LogStreams(logDir);
  t.after(() => streams.close());
  let text = "";
  void (async () => {
    const { body } = streams.stream(wish, Date.now() + 60_000);
    for await (const chunk of body ?? []) text += new TextDecoder().decode(chunk);
  })();
  return {
    write: (service: string, line: string) =>
      appendFile(join(logDir, `${service}.log`), `${line}\n`),
    heard: () =>
      [...text.matchAll(/^event: line\ndata: (.*)$/gm)].map(
        ([, data]) => JSON.parse(data ?? "") as Record<string, unknown>,
      ),
  };
}
