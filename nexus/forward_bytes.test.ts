// What passes through the gateway, byte for byte: bare sockets at both ends.
import assert from "node:assert/strict";
import { once } from "node:events";
import { METHODS } from "node:http";
import { test } from "node:test";
import type { TestScope } from "@hivematrix/lib/testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { open, startForwarding } from "./forward_testing.ts";
import { type RawRequest, startRawUpstream } from "./raw_upstream_testing.ts";

/** A gateway before a service that is called raw. */
async function startRaw(scope: TestScope) {
  const upstream = await startRawUpstream(scope);
  const services = { raw: { url: upstream.url } };
  const timeoutsMs = { connect: 3000, head: 5000, idle: 5000 };
  const { nexus, authorization } = await startForwarding(scope, { services, timeoutsMs });
  /** One request on a connection of its own; resolves with all that came back once it is closed. */
  const send = async (requestLine: string, lines: readonly string[] = [], body = "") => {
    const all = [requestLine, ...lines, "Connection: close"];
    const { socket, received } = await open(nexus, authorization, all, body);
    await once(socket, "close");
    return received();
  };
  const answer = (...parts: string[]) => {
    upstream.answer(({ socket }) => void socket.write(parts.join("\r\n"), "latin1"));
  };
  return { nexus, authorization, upstream, send, answer };
}

const last = (requests: readonly RawRequest[]) => {
  const newest = requests.at(-1);
  if (newest === undefined) throw new Error("Nothing has reached the service");
  return newest;
};
const head = (answer: string) => answer.slice(0, answer.indexOf("\r\n\r\n"));
const body = (answer: string) => answer.slice(answer.indexOf("\r\n\r\n") + 4);
const valuesOf = (answer: string, name: string) =>
  [...head(answer).matchAll(new RegExp(`^${name}: (.*)$`, "gim"))].map(([, value]) => value);

test("every method that node can read arrives as it is, with content and without", async (t) => {
  const { upstream, send } = await startRaw(t);
  const methods = METHODS.filter((method) => method !== "CONNECT" && method !== "TRACE");
  for (const method of methods) {
    for (const content of ["", "some bytes"]) {
      const lines = content === "" ? [] : [`Content-Length: ${content.length}`];
      const answer = await send(`${method} /raw/a?b HTTP/1.1`, lines, content);
      assert.match(answer, /^HTTP\/1\.1 200 /, method);
      const request = last(upstream.requests);
      assert.equal(request.method, method);
      assert.equal(request.target, "/a?b");
      assert.equal(request.body.toString(), content, method);
    }
  }
  assert.equal(upstream.requests.length, 2 * methods.length);
  assert.deepEqual(upstream.garbage, []);
});

test("header values keep their bytes, their order, their number and their spelling", async (t) => {
  const { upstream, send, answer } = await startRaw(t);
  answer(
    "HTTP/1.1 200 Fine, \xe4lso",
    "X-Latin: caf\xe9 \xff",
    "x-TAG: 1",
    "X-Tag: 2",
    "X-Empty:",
    "X-Tab: a\tb",
    "Set-Cookie: b=\xe9",
    "Set-Cookie: a=2",
    "Content-Length: 0\r\n\r\n",
  );
  const odd = ["X-Latin: caf\xe9 \xff", "X-TAG: 2", "x-tag: 1", "X-Empty: ", "X-Tab: a\tb"];
  const answered = await send("GET /raw/?b=2&a=1&b=1&&=%ff HTTP/1.1", odd);
  const request = last(upstream.requests);
  assert.equal(request.target, "/?b=2&a=1&b=1&&=%ff");
  const sent = odd.map((line) => line.split(": ").join(":"));
  const names = new Set(sent.map((line) => line.split(":")[0]));
  const arrived = request.rawHeaders.flatMap((name, i) =>
    i % 2 === 0 && names.has(name) ? [`${name}:${request.rawHeaders[i + 1]}`] : [],
  );
  assert.deepEqual(arrived, sent);
  const lines = head(answered).split("\r\n");
  const kept = lines.filter((line) => /^(?:x-(?:latin|tag|empty|tab)|set-cookie):/i.test(line));
  assert.deepEqual(
    kept.map((line) => line.trimEnd()),
    [
      ...["X-Latin: caf\xe9 \xff", "x-TAG: 1", "X-Tag: 2", "X-Empty:", "X-Tab: a\tb"],
      ...["Set-Cookie: b=\xe9", "Set-Cookie: a=2"],
    ],
  );
});

test("an empty body stays an empty body, a length a length, and chunks stay chunks", async (t) => {
  const { upstream, send } = await startRaw(t);
  await send("POST /raw/ HTTP/1.1", ["Content-Length: 0"]);
  assert.deepEqual(last(upstream.requests).headers("content-length"), ["0"]);
  await send("PUT /raw/ HTTP/1.1", ["Content-Length: 3"], "\xff\0\xfe");
  assert.deepEqual(last(upstream.requests).headers("content-length"), ["3"]);
  assert.equal(last(upstream.requests).body.toString("latin1"), "\xff\0\xfe");
  await send("POST /raw/ HTTP/1.1", ["Transfer-Encoding: chunked"], "0\r\n\r\n");
  assert.equal(last(upstream.requests).body.length, 0);
  await send(
    "POST /raw/ HTTP/1.1",
    ["Transfer-Encoding: chunked"],
    "1;x=y\r\na\r\n2\r\nbc\r\n0\r\n\r\n",
  );
  assert.equal(last(upstream.requests).body.toString(), "abc");
  await send("GET /raw/ HTTP/1.1");
  assert.deepEqual(last(upstream.requests).headers("content-length"), []);
  assert.deepEqual(last(upstream.requests).headers("transfer-encoding"), []);
  assert.deepEqual(upstream.garbage, []);
});

test("trailers are dropped both ways, and the chunks around them stay whole", async (t) => {
  // RFC 9110 §6.5.1 allows it; undici sends none, and a trailer could say what a header may not.
  const { upstream, send, answer } = await startRaw(t);
  answer(
    "HTTP/1.1 200 OK",
    "Transfer-Encoding: chunked",
    "Trailer: X-Sum\r\n",
    "5",
    "hello",
    "0",
    "X-Sum: 1",
    "Authorization: forged\r\n\r\n",
  );
  const lines = ["Transfer-Encoding: chunked", "Trailer: X-Sum", "TE: trailers"];
  const chunks = "5\r\nhello\r\n0\r\nX-Sum: 1\r\nAuthorization: forged\r\n\r\n";
  const answered = await send("POST /raw/ HTTP/1.1", lines, chunks);
  assert.equal(last(upstream.requests).body.toString(), "hello");
  assert.deepEqual(last(upstream.requests).trailers, []);
  assert.ok(!last(upstream.requests).rawHeaders.join().includes("forged"));
  assert.equal(unchunk(body(answered)), "hello");
  assert.ok(!answered.includes("X-Sum"));
  assert.deepEqual(valuesOf(answered, "trailer"), []);
});

// Not a 100 that nobody has asked for: undici takes it for no answer at all.
test("what comes before the answer (102, 103) never takes its place", async (t) => {
  const { send, answer } = await startRaw(t);
  answer(
    "HTTP/1.1 102 Processing\r\n",
    "HTTP/1.1 103 Early Hints",
    "Link: </a.css>; rel=preload\r\n",
    "HTTP/1.1 201 Created",
    "Content-Length: 4\r\n",
    "made",
  );
  for (const lines of [[], ["Expect: 100-continue", "Content-Length: 2"]]) {
    const answered = await send("POST /raw/ HTTP/1.1", lines, lines.length > 0 ? "ab" : "");
    const statuses = [...answered.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => status);
    assert.deepEqual(statuses, lines.length > 0 ? ["100", "201"] : ["201"]);
    assert.match(answered, /\r\n\r\nmade$/);
  }
});

test("an answer that ends with its connection arrives whole", async (t) => {
  const { upstream, send } = await startRaw(t);
  for (const version of ["HTTP/1.0", "HTTP/1.1"]) {
    upstream.answer(({ socket }) => {
      socket.write(`${version} 200 OK\r\nContent-Type: text/plain\r\n\r\nfirst `);
      setImmediate(() => socket.end("second"));
    });
    const answered = await send("GET /raw/ HTTP/1.1");
    assert.match(answered, /^HTTP\/1\.1 200 /);
    assert.equal(unchunk(body(answered)), "first second");
    const old = await send("GET /raw/ HTTP/1.0");
    assert.equal(body(old), "first second");
  }
});

test("parts of a file arrive as the service cut them", async (t) => {
  const { upstream, send, answer } = await startRaw(t);
  const parts =
    "--x\r\nContent-Range: bytes 0-0/9\r\n\r\n\xff\r\n--x\r\nContent-Range: bytes 8-8/9\r\n\r\n\0\r\n--x--\r\n";
  answer(
    "HTTP/1.1 206 Partial Content",
    "Content-Type: multipart/byteranges; boundary=x",
    'ETag: "1"',
    "Accept-Ranges: bytes",
    `Content-Length: ${parts.length}\r\n`,
    parts,
  );
  const answered = await send("GET /raw/ HTTP/1.1", [
    "Range: bytes=0-0,8-8",
    'If-Range: "1"',
    "Sec-Fetch-Dest: document",
  ]);
  assert.match(answered, /^HTTP\/1\.1 206 /);
  assert.equal(body(answered), parts);
  assert.deepEqual(valuesOf(answered, "etag"), ['"1"']);
  assert.deepEqual(valuesOf(answered, "accept-ranges"), ["bytes"]);
  assert.deepEqual(valuesOf(answered, "content-length"), [String(parts.length)]);
  assert.deepEqual(last(upstream.requests).headers("if-range"), ['"1"']);
});

test("HEAD, 204, 205 and 304 have the headers of their kind and no content", async (t) => {
  const { nexus, authorization, upstream, answer } = await startRaw(t);
  const cases: readonly (readonly [string, string, string])[] = [
    ["HEAD", "200 OK", "Content-Length: 1234"],
    ["HEAD", "200 OK", "Transfer-Encoding: chunked"],
    ["HEAD", "404 Not Found", "Content-Type: text/html"],
    ["GET", "204 No Content", "ETag: x"],
    ["DELETE", "204 No Content", "X-Kept: 1"],
    ["GET", "205 Reset Content", "Content-Length: 0"],
    ["GET", "304 Not Modified", "Content-Length: 1234"],
    ["GET", "304 Not Modified", 'ETag: "1"'],
  ];
  for (const [method, status, header] of cases) {
    answer(`HTTP/1.1 ${status}`, `${header}\r\n\r\n`);
    const first = `${method} /raw/ HTTP/1.1`;
    // The next answer on the same connection begins where this one has ended.
    const { socket, received } = await open(nexus, authorization, [first]);
    await waitFor(() => received().includes("\r\n\r\n"), {
      what: `an answer to ${first}, ${status}, ${header}`,
      timeoutMs: 3000,
    });
    socket.write(`GET /health HTTP/1.1\r\nHost: ${nexus.url.host}\r\nConnection: close\r\n\r\n`);
    await waitFor(() => socket.closed, {
      what: `the end of ${first}, ${status}, ${header}: ${received()}`,
      timeoutMs: 3000,
    });
    const [, next = ""] = received().split("\r\n\r\n");
    assert.match(next, /^HTTP\/1\.1 200 /, `${method} ${status}: ${received()}`);
    assert.ok(received().startsWith(`HTTP/1.1 ${status}`), received());
    const [name, value] = header.split(": ");
    if (name !== "Transfer-Encoding" && name !== "Content-Length") {
      assert.deepEqual(valuesOf(received(), name ?? ""), [value], `${method} ${status}`);
    }
  }
  assert.deepEqual(upstream.garbage, []);
});

test("a length that HEAD or 304 tells is told", async (t) => {
  const { send, answer } = await startRaw(t);
  for (const [method, status] of [
    ["HEAD", "200 OK"],
    ["GET", "304 Not Modified"],
  ] as const) {
    answer(`HTTP/1.1 ${status}`, "Content-Length: 1234\r\n\r\n");
    const answered = await send(`${method} /raw/ HTTP/1.1`);
    assert.deepEqual(valuesOf(answered, "content-length"), ["1234"], method);
    assert.equal(body(answered), "");
  }
});

test("addresses in Link become public too", async (t) => {
  const { nexus, upstream, send, answer } = await startRaw(t);
  answer(
    "HTTP/1.1 200 OK",
    `Link: <${upstream.url}/b?x=1>; rel="next", </own>; rel=prev, <https://else.example/>; rel=x`,
    "Content-Length: 0\r\n\r\n",
  );
  const answered = await send("GET /raw/ HTTP/1.1");
  assert.deepEqual(valuesOf(answered, "link"), [
    `<${nexus.origin}/raw/b?x=1>; rel="next", </own>; rel=prev, <https://else.example/>; rel=x`,
  ]);
});

test("an answer too many goes to nobody", async (t) => {
  const { upstream, send } = await startRaw(t);
  const extra = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";
  const answers: Record<string, string> = {
    "/twice": `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok${extra}`,
    "/head": `HTTP/1.1 200 OK\r\nContent-Length: ${extra.length}\r\n\r\n${extra}`,
    "/empty": `HTTP/1.1 204 No Content\r\n\r\n${extra}`,
    "/unchanged": `HTTP/1.1 304 Not Modified\r\nContent-Length: ${extra.length}\r\n\r\n${extra}`,
    "/chunks": `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${extra}`,
    "/well": "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell",
  };
  upstream.answer(({ target, socket }) => void socket.write(answers[target] ?? ""));
  for (const target of ["/twice", "/head", "/empty", "/unchanged", "/chunks"]) {
    await send(`${target === "/head" ? "HEAD" : "GET"} /raw${target} HTTP/1.1`);
    for (let i = 0; i < 3; i++) {
      assert.equal(body(await send("GET /raw/well HTTP/1.1")), "well", `behind ${target}`);
    }
  }
});

test("an answer that two readers could end at different places is 502", async (t) => {
  const { send, answer } = await startRaw(t);
  const heads = [
    "Content-Length: 4\r\nContent-Length: 5",
    "Content-Length: 4\r\nTransfer-Encoding: chunked",
    "Content-Length: -4",
    "Content-Length: 4x",
    "Content-Length : 4",
    "X-Folded: a\r\n b",
    "X-Bare: a\rb",
    "X-Nul: \0",
    "No colon",
    // Nobody has asked for another protocol.
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x",
  ];
  for (const lines of heads) {
    answer(...(lines.startsWith("HTTP/") ? [] : ["HTTP/1.1 200 OK"]), `${lines}\r\n\r\n`, "abcd");
    const answered = await send("GET /raw/api/x HTTP/1.1", ["Accept: application/json"]);
    assert.match(answered, /^HTTP\/1\.1 502 /, lines);
    assert.deepEqual(valuesOf(answered, "content-type"), ["application/problem+json"], lines);
  }
});

test("a service that is away is 502: a page for people, a problem for programs", async (t) => {
  const { upstream, send } = await startRaw(t);
  upstream.answer(({ socket }) => socket.destroy());
  const page = await send("POST /raw/ HTTP/1.1", ["Accept: text/html"]);
  assert.match(page, /^HTTP\/1\.1 502 /);
  assert.match(page, /This service is not running/);
  assert.match(page, /Back to the start page/);
  const problem = await send("POST /raw/ HTTP/1.1", ["Accept: application/json"]);
  assert.deepEqual(valuesOf(problem, "retry-after"), ["2"]);
  const { status, detail, request_id } = JSON.parse(unchunk(body(problem)));
  assert.equal(status, 502);
  assert.match(detail, /"raw" cannot be reached/);
  assert.ok(request_id);
});

test("connections to a service are kept, closed when it says so, and never shared by two", async (t) => {
  const { upstream, send } = await startRaw(t);
  for (let i = 0; i < 5; i++) await send("GET /raw/ HTTP/1.1");
  assert.deepEqual(
    upstream.requests.map(({ index }) => index),
    [0, 1, 2, 3, 4],
  );
  upstream.answer(({ socket }) => {
    socket.write("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  });
  for (let i = 0; i < 3; i++) await send("GET /raw/ HTTP/1.1");
  assert.equal(last(upstream.requests).index, 0);
  await waitFor(() => upstream.sockets.size === 0, { what: "the connection to be closed" });
});

/** The content of a chunked body, or of one that is not chunked. */
function unchunk(text: string): string {
  if (!/^[0-9a-f]+\r\n/i.test(text)) return text;
  let content = "";
  for (let at = 0; ; ) {
    const lineEnd = text.indexOf("\r\n", at);
    const size = Number.parseInt(text.slice(at, lineEnd), 16);
    if (size === 0) return content;
    content += text.slice(lineEnd + 2, lineEnd + 2 + size);
    at = lineEnd + 2 + size + 2;
  }
}
