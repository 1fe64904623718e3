import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { connectRaw } from "./raw_http_testing.ts";
import { readForm, readJson, readJsonFields } from "./request_body.ts";
import { type Handler, router } from "./router.ts";
import { serve } from "./serve.ts";
import { createTestLog } from "./testing.ts";
import { waitFor } from "./wait_for.ts";

const json = { "content-type": "application/json" };
const form = { "content-type": "application/x-www-form-urlencoded" };

const post = (body: RequestInit["body"], headers: Record<string, string> = json) =>
  new Request("http://h/", {
    method: "POST",
    headers,
    body: body ?? null,
    duplex: "half",
  } as RequestInit);

test("JSON of any kind is read", async () => {
  assert.deepEqual(await readJson(post('{"a":[1,null,"é"]}')), { a: [1, null, "é"] });
  assert.equal(await readJson(post("7")), 7);
  assert.deepEqual(await readJson(post("\ufeff[]")), []);
});

for (const type of [
  "application/json",
  "Application/JSON; charset=UTF-8",
  'application/json;charset="utf-8"',
  "application/json; x=y",
]) {
  test(`the media type may be written as ${type}`, async () => {
    assert.deepEqual(await readJson(post("{}", { "content-type": type })), {});
  });
}

for (const [headers, reason] of [
  [{ "content-type": "text/plain" }, "Content-Type must be application/json, it is text/plain"],
  [{ "content-type": "application/jsonx" }, "it is application/jsonx"],
  [{ "content-type": "" }, "Content-Type must be application/json, it is missing"],
  [{ "content-type": "application/json; charset=latin1" }, "its charset must be UTF-8"],
  [{ ...json, "content-encoding": "gzip" }, "it may not be compressed (Content-Encoding gzip)"],
] as const) {
  test(`another body is a 415: ${reason}`, async () => {
    await assert.rejects(readJson(post("{}", headers)), (error: Error & { status?: number }) => {
      assert.equal(error.status, 415);
      assert(error.message.startsWith("Cannot read the body: ") && error.message.endsWith(reason));
      return true;
    });
  });
}

test("what is no JSON is a 400 that names the place and quotes nothing of it", async () => {
  for (const body of ['{"token":"eyJsecret"', '{"token": eyJsecret}', "eyJsecret", ""]) {
    await assert.rejects(readJson(post(body)), (error: Error & { status?: number }) => {
      assert.equal(error.status, 400);
      assert.match(
        error.message,
        /^Cannot read the body: it is not valid JSON( at position \d+)?$/,
      );
      return true;
    });
  }
  await assert.rejects(readJson(post('{"a":1,}')), /at position 7$/);
});

test("bytes that are no UTF-8 are a 400", async () => {
  const body = Buffer.from([0x22, 0xff, 0x22]);
  await assert.rejects(readJson(post(body)), { status: 400, message: /not valid UTF-8$/ });
});

test("the fields that are asked for are there, and are text", async () => {
  const body = await readJsonFields(post('{"token":"x","more":1}'), ["token"]);
  assert.equal(body.token, "x");
  assert.equal(body["more"], 1);
});

for (const [body, problem] of [
  ["[]", "it must be a JSON object"],
  ["null", "it must be a JSON object"],
  ['"token"', "it must be a JSON object"],
  ["{}", '"token" must be a non-empty string'],
  ['{"token":""}', '"token" must be a non-empty string'],
  ['{"token":7}', '"token" must be a non-empty string'],
  ['{"token":["x"]}', '"token" must be a non-empty string'],
  ['{"__proto__":{"token":"x"}}', '"token" must be a non-empty string'],
] as const) {
  test(`a body without the field is a 400: ${body}`, async () => {
    const message = `Cannot read the body: ${problem}`;
    await assert.rejects(readJsonFields(post(body), ["token"]), { status: 400, message });
  });
}

test("a body cannot reach into the prototype of objects", async () => {
  await readJsonFields(post('{"a":"x","__proto__":{"polluted":"yes"}}'), ["a"]);
  assert.equal("polluted" in {}, false);
  const message = /"constructor" must be/;
  await assert.rejects(readJsonFields(post("{}"), ["constructor"]), { status: 400, message });
});

test("a form's fields are read, repeated ones too", async () => {
  const fields = await readForm(post("a=1&a=2&b=%C3%A9+x", form));
  assert.deepEqual(fields.getAll("a"), ["1", "2"]);
  assert.equal(fields.get("b"), "é x");
  await assert.rejects(readForm(post("a=1", json)), { status: 415 });
});

test("a body of exactly the limit passes, one byte more does not", async () => {
  const text = JSON.stringify("x".repeat(98));
  assert.equal(text.length, 100);
  assert.equal(await readJson(post(text), { maxBodyBytes: 100 }), "x".repeat(98));
  await assert.rejects(readJson(post(text), { maxBodyBytes: 99 }), {
    status: 413,
    message: "Cannot read the body: it is larger than 99 bytes",
  });
  await assert.rejects(readJson(post(JSON.stringify("x".repeat(65536)))), { status: 413 });
});

test("a body that announces too much is refused before it is read", async () => {
  const body = new ReadableStream({ pull: () => assert.fail("read") }, { highWaterMark: 0 });
  const headers = { ...json, "content-length": "101" };
  await assert.rejects(readJson(post(body, headers), { maxBodyBytes: 100 }), { status: 413 });
});

test("an endless body is refused once it is too large", async () => {
  let sent = 0;
  const body = new ReadableStream({
    pull(controller) {
      sent += 50;
      controller.enqueue(new Uint8Array(50).fill(32));
    },
  });
  await assert.rejects(readJson(post(body), { maxBodyBytes: 1000 }), { status: 413 });
  assert(sent < 1200);
});

async function startService(t: TestContext, handler: Handler) {
  const log = createTestLog();
  const handle = router([{ method: "POST", path: "/", handler }], { service: "codex", log });
  const server = await serve(handle, { port: 0, log });
  t.after(() => server.close());
  return { url: server.url, log };
}

test("a client that sends too much gets to read the 413", async (t) => {
  const { url } = await startService(t, async (request) => Response.json(await readJson(request)));
  for (const headers of [`Content-Length: ${2 ** 20}`, "Transfer-Encoding: chunked"]) {
    const socket = await connectRaw(url);
    const head = `POST / HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n${headers}\r\n\r\n`;
    socket.write(head);
    socket.setEncoding("latin1");
    const chunk = " ".repeat(2 ** 16);
    for (let sent = 0; sent < 2 ** 20; sent += chunk.length) {
      socket.write(headers.startsWith("Transfer") ? `10000\r\n${chunk}\r\n` : chunk);
    }
    let answer = "";
    for await (const part of socket) {
      answer += part;
      if (answer.includes("larger than 65536 bytes")) break;
    }
    assert.match(answer, /^HTTP\/1\.1 413 Payload Too Large\r\n/);
  }
});

test("a client that goes away while it sends is no error of the service's", async (t) => {
  let isStarted = false;
  const { url, log } = await startService(t, async (request) => {
    isStarted = true;
    return Response.json(await readJson(request));
  });
  const socket = await connectRaw(url);
  socket.write(
    "POST / HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{",
  );
  await waitFor(() => isStarted);
  socket.destroy();
  await waitFor(() => log.lines.length === 2);
  const [reason, access] = log.lines.map((line) => JSON.parse(line));
  assert.deepEqual([reason.level, access.level, access.status], ["info", "info", 499]);
  assert.match(reason.message, /client went away/);
});
