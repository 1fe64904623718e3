import { Readable } from "node:stream";
import { readForm } from "@hivematrix/lib/request_body";
import type { ParameterizedContext } from "koa";

/** The fields of a posted form. @throws {HttpError} 415 for another media type, 413 when too large */
export async function readFormBody(context: ParameterizedContext): Promise<URLSearchParams> {
  const headers = new Headers({ "content-type": context.get("Content-Type") });
  const body = Readable.toWeb(context.req) as ReadableStream<Uint8Array>;
  const request = new Request("http://localhost/", {
    method: "POST",
    headers,
    body,
    duplex: "half",
  });
  return await readForm(request);
}
