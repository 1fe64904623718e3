import assert from "node:assert/strict";
import { test } from "node:test";
import { HttpError } from "@hivematrix/lib/http_error";
import { requirePlainFraming } from "./request_framing.ts";

const statusOf = (httpVersion: string, coding?: string) => {
  try {
    requirePlainFraming({
      httpVersion,
      headers: coding === undefined ? {} : { "transfer-encoding": coding },
    });
    return 200;
  } catch (error) {
    assert.ok(error instanceof HttpError);
    assert.equal(error.headers?.["connection"], "close");
    return error.status;
  }
};

test("R18: chunked is the only transfer coding, and HTTP/1.1 the only version that has it", () => {
  assert.equal(statusOf("1.1"), 200);
  assert.equal(statusOf("1.0"), 200);
  assert.equal(statusOf("1.1", "Chunked"), 200);
  for (const coding of [
    "gzip, chunked",
    "identity, chunked",
    ", chunked",
    "",
    "chunked, chunked",
  ]) {
    assert.equal(statusOf("1.1", coding), 501, coding);
  }
  assert.equal(statusOf("1.0", "chunked"), 400);
});

test("R18: a request of another version of HTTP is refused", () => {
  for (const version of ["0.9", "1.2", "2.0"]) assert.equal(statusOf(version), 505, version);
});
