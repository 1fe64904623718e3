import type { IncomingMessage } from "node:http";
import type { PassThrough } from "node:stream";
import { HttpError } from "@hivematrix/lib/http_error";

/**
 * Ends an upload of which nothing arrives for so long: a body that never ends would hold a connection
 * to the service that others wait for (slow-body attack). Time in which the service takes nothing is
 * not the client's. The whole may take as long as it goes on.
 *
 * @param body is destroyed with an {HttpError} 408
 */
export function endWhenSilent(incoming: IncomingMessage, body: PassThrough, idleMs: number): void {
  const timer = setTimeout(() => {
    if (body.writableNeedDrain) {
      timer.refresh();
      return;
    }
    const seconds = Math.round(idleMs / 1000);
    body.destroy(
      new HttpError(408, `Nothing of what you are sending has arrived for ${seconds} seconds`, {
        // The rest of it may still come, and must not be read as the next request.
        headers: { connection: "close" },
      }),
    );
  }, idleMs);
  incoming.on("data", () => timer.refresh());
  body.on("drain", () => timer.refresh());
  incoming.once("end", () => clearTimeout(timer));
  body.once("close", () => clearTimeout(timer));
}
