// For tests: requests that two servers may end at different places (request smuggling), as bytes.
// Whatever is hidden in one of them asks for /hidden, which no service may ever see.

export interface FramingCase {
  readonly name: string;
  /** One character a byte. */
  readonly bytes: string;
}

/** @param service a service's path, such as `/template` @param credential the Authorization header's line */
export function framingCases(host: string, service: string, credential: string): FramingCase[] {
  const common = [`Host: ${host}`, credential];
  const hidden = [`GET ${service}/hidden HTTP/1.1`, ...common, "", ""].join("\r\n");
  const length = hidden.length;
  const request = (lines: readonly string[], body: string, requestLine = post) =>
    `${[requestLine, ...common, ...lines].join("\r\n")}\r\n\r\n${body}`;
  const post = `POST ${service}/sent HTTP/1.1`;
  const get = `GET ${service}/sent HTTP/1.1`;
  const chunked = `5\r\nhello\r\n0\r\n\r\n`;
  const cases: FramingCase[] = [];
  const add = (name: string, bytes: string) => cases.push({ name, bytes });

  // Both framings at once.
  const both = ["Transfer-Encoding: chunked", "Content-Length: 5"];
  add("CL.TE", request(["Content-Length: 5", "Transfer-Encoding: chunked"], `0\r\n\r\n${hidden}`));
  add("TE.CL", request(both, `${length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`));
  add("CL.TE, GET", request(both, `0\r\n\r\n${hidden}`, get));

  // Codings that some take for chunked and some do not.
  const codings = [
    ..."xchunked|chunked, identity|identity, chunked|gzip, chunked|chunked, chunked|identity".split(
      "|",
    ),
    ...'"chunked"|chunked;q=1|chunked;|,chunked|chunked,|CHUNKED|cHuNkEd|chunk|chunked chunked'.split(
      "|",
    ),
    ..."\x0bchunked|chunked\x0b|\x00chunked|chunked\x00|\tchunked\t|'chunked'|ch\xfcnked|\xa0chunked".split(
      "|",
    ),
    "",
    " ",
  ];
  for (const coding of codings) {
    const body = `0\r\n\r\n${hidden}`;
    add(`TE "${coding}" alone`, request([`Transfer-Encoding: ${coding}`], body));
    const withLength = [`Content-Length: ${body.length}`, `Transfer-Encoding: ${coding}`];
    add(`TE "${coding}" and CL`, request(withLength, body));
  }
  const names = [
    "Transfer-Encoding :",
    " Transfer-Encoding:",
    "Transfer-Encoding\t:",
    "Transfer_Encoding:",
    "Transfer-Encoding\x00:",
    "\x0bTransfer-Encoding:",
    "Transfer Encoding:",
    "X: y\nTransfer-Encoding:",
    "X: y\rTransfer-Encoding:",
    "X: y\r\n\tTransfer-Encoding:",
    "Transfer-Encoding:\r\n",
    "Transfer-Encoding: identity\r\nTransfer-Encoding:",
  ];
  for (const name of names) {
    const body = `0\r\n\r\n${hidden}`;
    add(`name ${JSON.stringify(name)} alone`, request([`${name} chunked`], body));
    const withLength = [`Content-Length: ${body.length}`, `${name} chunked`];
    add(`name ${JSON.stringify(name)} and CL`, request(withLength, body));
  }
  const twice = ["Transfer-Encoding: chunked", "Transfer-Encoding: x"];
  add("two codings", request(twice, `0\r\n\r\n${hidden}`));
  const oldPost = `POST ${service}/sent HTTP/1.0`;
  add("TE in HTTP/1.0", request(["Transfer-Encoding: chunked"], `0\r\n\r\n${hidden}`, oldPost));
  const oldKept = ["Connection: keep-alive", "Transfer-Encoding: chunked"];
  add("TE in HTTP/1.0, kept", request(oldKept, `0\r\n\r\n${hidden}`, oldPost));

  // Lengths that are none, or several.
  const lengths = [
    ..."+5|-5|0x5|5,5|5, 5|5,6|5 5|5;|5.0|1e1|05|0005|5\t|\t5| 5|5\x0b|\x005|5\x00|five|'5'|5,|,5".split(
      "|",
    ),
    ..."\r\n 5|99999999999999999999|18446744073709551621|-1|4294967301|0x|5_0|\xa05|".split("|"),
  ];
  for (const value of lengths) {
    add(`CL "${value}"`, request([`Content-Length: ${value}`], `hello${hidden}`));
    add(`CL "${value}", GET`, request([`Content-Length: ${value}`], `hello${hidden}`, get));
  }
  add("CL twice", request(["Content-Length: 5", "Content-Length: 5"], `hello${hidden}`));
  add("two CL", request(["Content-Length: 0", `Content-Length: ${length}`], hidden));
  add("two CL, reversed", request([`Content-Length: ${length}`, "Content-Length: 0"], hidden));
  for (const name of [
    "Content-Length :",
    " Content-Length:",
    "Content_Length:",
    "Content-Length\x00:",
  ]) {
    add(`name ${JSON.stringify(name)}`, request([`${name} ${length}`], hidden));
    add(
      `name ${JSON.stringify(name)} and 0`,
      request(["Content-Length: 0", `${name} ${length}`], hidden),
    );
  }

  // Chunks.
  const chunks: Record<string, string> = {
    "an extension": `5;a=b\r\nhello\r\n0\r\n\r\n`,
    "a quoted extension": `5;a="\r\n"\r\nhello\r\n0\r\n\r\n${hidden}`,
    "an extension with a bare LF": `5;a\nhello\r\n0\r\n\r\n${hidden}`,
    "an extension that hides a size": `0;\n${length.toString(16)}\r\n\r\n${hidden}`,
    "an extension in the last chunk": `5\r\nhello\r\n0;x\r\n\r\n`,
    "a bare LF behind the size": `5\nhello\r\n0\r\n\r\n${hidden}`,
    "a bare CR behind the size": `5\rhello\r\n0\r\n\r\n${hidden}`,
    "spaces around the size": ` 5 \r\nhello\r\n0\r\n\r\n${hidden}`,
    "a size with 0x": `0x5\r\nhello\r\n0\r\n\r\n${hidden}`,
    "a signed size": `+5\r\nhello\r\n0\r\n\r\n${hidden}`,
    "a negative size": `-5\r\nhello\r\n0\r\n\r\n${hidden}`,
    "no size": `\r\nhello\r\n0\r\n\r\n${hidden}`,
    "a huge size": `ffffffffffffffff\r\nhello\r\n0\r\n\r\n${hidden}`,
    "a size that overflows": `10000000000000005\r\nhello\r\n0\r\n\r\n${hidden}`,
    "leading zeros": `0000000005\r\nhello\r\n000\r\n\r\n`,
    "a size too small": `3\r\nhello\r\n0\r\n\r\n${hidden}`,
    "no end of the data": `5\r\nhello0\r\n\r\n${hidden}`,
    "another end of the data": `5\r\nhelloXX0\r\n\r\n${hidden}`,
    "a bare LF behind the data": `5\r\nhello\n0\r\n\r\n${hidden}`,
    "a last chunk without its line": `5\r\nhello\r\n0\r\n${hidden}`,
    "a bare CR at the end": `5\r\nhello\r\n0\r\n\r${hidden}`,
    "a bare LF at the end": `5\r\nhello\r\n0\n\n${hidden}`,
    trailers: `5\r\nhello\r\n0\r\nContent-Length: ${length}\r\nHost: evil.example\r\n\r\n`,
    "a trailer that is a request": `5\r\nhello\r\n0\r\n${hidden}`,
  };
  for (const [name, body] of Object.entries(chunks)) {
    add(`chunks with ${name}`, request(["Transfer-Encoding: chunked"], body));
  }

  // Lines.
  add("bare LF everywhere", request([], "").replaceAll("\r\n", "\n") + hidden);
  add("a bare LF within the head", request(["X: y\nContent-Length: 0"], hidden));
  add("a bare CR within the head", request(["X: y\rContent-Length: 0"], hidden));
  add(
    "an empty line with a bare LF",
    request([`Content-Length: ${length}`], hidden).replace("\r\n\r\n", "\n\n"),
  );
  add("a line that is folded", request([`X: y\r\n Content-Length: ${length}`], hidden));
  add("a folded line first", `${post}\r\n Host: x\r\n${common.join("\r\n")}\r\n\r\n${hidden}`);
  add("no colon", request(["Content-Length"], hidden));
  add("an empty name", request([": x"], hidden));
  add("NUL in a value", request([`X: a\x00b\r\nContent-Length: ${length}`], hidden));
  add("empty lines before", `\r\n\r\n${request([], "", get)}`);
  add("a space before", ` ${request([], "", get)}`);

  // Request lines.
  for (const line of [
    `GET ${service}/sent`,
    `GET ${service}/sent HTTP/0.9`,
    `GET ${service}/sent HTTP/1.2`,
    `GET ${service}/sent HTTP/2.0`,
    `GET ${service}/sent http/1.1`,
    `GET  ${service}/sent HTTP/1.1`,
    `GET\t${service}/sent\tHTTP/1.1`,
    `GET ${service}/sent HTTP/1.1 HTTP/1.1`,
    `GET ${service}/sent HTTP/1.1\rX`,
    `get ${service}/sent HTTP/1.1`,
    `GET\x00 ${service}/sent HTTP/1.1`,
    `GET ${service}/sent\x00 HTTP/1.1`,
    `GET ${service}/sent HTTP/1.1\r\nX: y\r\n\r\nGET ${service}/hidden`,
    `GET ${service}/sent?a HTTP/1.1`,
    `GET http://${host}${service}/sent HTTP/1.1`,
    `GET http://evil.example${service}/sent HTTP/1.1`,
    `GET //${host}${service}/sent HTTP/1.1`,
    `GET ${service}/sent#/hidden HTTP/1.1`,
    `CONNECT ${host} HTTP/1.1`,
    `TRACE ${service}/sent HTTP/1.1`,
    "OPTIONS * HTTP/1.1",
    "PRI * HTTP/2.0",
  ]) {
    add(`line ${JSON.stringify(line)}`, request([], "", line));
    add(
      `line ${JSON.stringify(line)} with content`,
      request([`Content-Length: ${length}`], hidden, line),
    );
  }
  add("no Host", `${get}\r\n${credential}\r\n\r\n`);
  add("two Hosts", request(["Host: evil.example"], "", get));
  add("a list of Hosts", `${get}\r\nHost: ${host}, evil.example\r\n${credential}\r\n\r\n`);

  // Content where none is expected: it must stay content.
  for (const method of ["GET", "HEAD", "DELETE", "OPTIONS", "PROPFIND", "PUT"]) {
    const line = `${method} ${service}/sent HTTP/1.1`;
    add(`${method} with content`, request([`Content-Length: ${length}`], hidden, line));
    const chunk = `${length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`;
    add(`${method} with chunks`, request(["Transfer-Encoding: chunked"], chunk, line));
    const expects = ["Expect: 100-continue", `Content-Length: ${length}`];
    add(`${method} with content that is asked for`, request(expects, hidden, line));
  }
  add(
    "an unknown expectation",
    request(["Expect: 200-maybe", `Content-Length: ${length}`], hidden),
  );

  // What takes headers away or changes the protocol.
  for (const option of ["Content-Length", "Transfer-Encoding", "Host", "close, Content-Length"]) {
    add(
      `Connection: ${option}`,
      request([`Connection: ${option}`, `Content-Length: ${length}`], hidden),
    );
    const named = [`Connection: ${option}`, "Transfer-Encoding: chunked"];
    const chunk = `${length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`;
    add(`Connection: ${option} with chunks`, request(named, chunk));
  }
  const socketLines = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"];
  const key = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==";
  add("WebSocket, then a request", request([...socketLines, key], hidden, get));
  add(
    "WebSocket of a version unknown",
    request([...socketLines.slice(0, 2), "Sec-WebSocket-Version: 777", key], hidden, get),
  );
  add(
    "WebSocket with content",
    request([...socketLines, key, `Content-Length: ${length}`], hidden, get),
  );
  add(
    "WebSocket with chunks",
    request([...socketLines, key, "Transfer-Encoding: chunked"], `0\r\n\r\n${hidden}`, get),
  );
  add("WebSocket by POST", request([...socketLines, key], hidden));
  const h2c = [
    "Connection: Upgrade, HTTP2-Settings",
    "Upgrade: h2c",
    "HTTP2-Settings: AAMAAABkAAQAAP__",
  ];
  add("h2c", request(h2c, hidden, get));
  add("h2c with content", request([...h2c, `Content-Length: ${length}`], hidden));
  add("two protocols", request(["Connection: Upgrade", "Upgrade: h2c, websocket"], hidden, get));
  add("TLS is asked for", request(["Connection: Upgrade", "Upgrade: TLS/1.2"], hidden, get));
  add("chunks that are well", request(["Transfer-Encoding: chunked"], chunked));
  return cases;
}
