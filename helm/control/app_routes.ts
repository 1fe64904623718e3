// What the command line asks of the daemon about apps: begin something, and hear how it goes.
import { HttpError } from "@hivematrix/lib/http_error";
import { readJson } from "@hivematrix/lib/request_body";
import type { Handler, Route } from "@hivematrix/lib/router";
import { isRecord } from "../config/value_checks.ts";
import type { InstallManager, OperationRequest } from "../install/install_manager.ts";
import type { Operation } from "../install/operation.ts";
import { RefusedError } from "../install/operation_parts.ts";

/** @param guarded lets only the holder of the control token in */
export function appControlRoutes(
  installs: InstallManager,
  guarded: (handler: Handler) => Handler,
): Route[] {
  const path = "/control/apps/operations";
  return [
    { method: "POST", path, handler: guarded(begin(installs)) },
    { method: "GET", path: `${path}/:id/output`, handler: guarded(streamOutput(installs)) },
  ];
}

function begin(installs: InstallManager): Handler {
  return async (request) => {
    const body = requireRequest(await readJson(request));
    const operation = await beginOperation(installs, body, "the command line");
    return Response.json(operation.status, { status: 202 });
  };
}

/** @throws {HttpError} 409 with the reason why that cannot be */
export async function beginOperation(
  installs: InstallManager,
  request: OperationRequest,
  by: string,
): Promise<Operation> {
  try {
    return await installs.begin(request, by);
  } catch (error) {
    // A URL that cannot be used is a plain error of git.ts.
    const reason = error instanceof Error ? error.message : String(error);
    throw new HttpError(error instanceof RefusedError ? 409 : 400, reason, { cause: error });
  }
}

/** The output so far and what follows, one JSON object a line; the last one is the operation's status. */
function streamOutput(installs: InstallManager): Handler {
  return (_request, { params: { id = "" } }) => {
    const operation = installs.find(id);
    if (operation === undefined) throw new HttpError(404, `There is no operation "${id}"`);
    const body = followOperation(operation, {
      lines: (lines) => lines.map((line) => `${JSON.stringify({ line })}\n`).join(""),
      end: (status) => `${JSON.stringify({ status })}\n`,
    });
    return new Response(body, { headers: { "content-type": "application/x-ndjson" } });
  };
}

export interface OperationFormat {
  /** @param next the number of the line that comes after these */
  readonly lines: (lines: readonly string[], next: number) => string;
  readonly end: (status: Operation["status"]) => string;
  /** The number of the first line; all from the beginning, without it. */
  readonly from?: number;
  /** Ends the stream before the operation does. */
  readonly signal?: AbortSignal;
}

/** An operation's lines from the first on, as they come; ends with the operation. */
export function followOperation(
  operation: Operation,
  { lines: format, end, from = 0, signal }: OperationFormat,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let next = from;
  let stop = () => {};
  return new ReadableStream<Uint8Array>({
    start(controller) {
      const close = () => {
        stop();
        controller.close();
      };
      const send = () => {
        const more = operation.linesFrom(next);
        next = more.next;
        if (more.lines.length > 0) controller.enqueue(encoder.encode(format(more.lines, next)));
        if (!operation.isOver) return;
        controller.enqueue(encoder.encode(end(operation.status)));
        close();
      };
      const ignore = operation.onChange(send);
      signal?.addEventListener("abort", close);
      stop = () => {
        ignore();
        signal?.removeEventListener("abort", close);
      };
      if (signal?.aborted) close();
      else send();
    },
    cancel: () => stop(),
  });
}

const kinds = ["install", "new", "update", "uninstall"];
const texts = ["target", "name", "ref", "runtime", "database", "title", "app"];
const flags = ["isForced", "deletesData"];

/** @throws {HttpError} 400 for what no command line of this Helm sends */
export function requireRequest(body: unknown): OperationRequest {
  const isFine =
    isRecord(body) &&
    kinds.includes(body["kind"] as string) &&
    typeof body[body["kind"] === "install" ? "target" : "app"] === "string" &&
    Object.entries(body).every(
      ([field, value]) =>
        field === "kind" ||
        (texts.includes(field) && typeof value === "string") ||
        (flags.includes(field) && typeof value === "boolean") ||
        (field === "port" && Number.isInteger(value)),
    );
  if (!isFine) throw new HttpError(400, "This is no request for an operation on an app");
  return body as unknown as OperationRequest;
}
