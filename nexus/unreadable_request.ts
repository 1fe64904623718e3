import { type Server, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { Log } from "@hivematrix/lib/log";

/**
 * Answers what node cannot read as a request, or gives up waiting for: a line for people to read
 * where node would send none, and a line in the log (R26).
 */
export function answerUnreadableRequests(server: Server, log: Log): void {
  server.on("clientError", (error: NodeJS.ErrnoException, stream) => {
    const socket = stream as Socket & { _httpMessage?: { headersSent: boolean } | null };
    // With an answer under way, as node itself judges it, another one would only garble that.
    const isAnswering = socket._httpMessage?.headersSent === true;
    // Browsers open connections ahead of need: what was never begun is no request.
    const isUnused = error.code === "ERR_HTTP_REQUEST_TIMEOUT" && socket.bytesRead === 0;
    if (error.code === "ECONNRESET" || !socket.writable || isAnswering || isUnused) {
      socket.destroy();
      return;
    }
    const status = statusOf(error.code);
    log.info("request refused", { status, reason: error.code, address: socket.remoteAddress });
    socket.end(formatAnswer(status));
    // What still comes is read by nobody.
    socket.destroySoon();
  });
}

function statusOf(code: string | undefined): number {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return 431;
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return 413;
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return 408;
    default:
      return 400;
  }
}

const texts: Readonly<Record<number, string>> = {
  400: "This request cannot be understood.",
  408: "This request did not arrive in time. Please try again.",
  413: "This request is larger than this site accepts.",
  431: "Your browser sends more than this site accepts, most likely as cookies. Delete this site's cookies, then try again.",
};

function formatAnswer(status: number): string {
  const { headers, text } = plainAnswer(status);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  const head = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, "Connection: close", ...lines];
  return `${head.join("\r\n")}\r\n\r\n${text}`;
}

/** What there is to say where no page can be made. */
export function plainAnswer(status: number): { headers: Record<string, string>; text: string } {
  const text = `${texts[status]}\n`;
  const headers = {
    "Cache-Control": "no-store",
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Length": String(text.length),
  };
  return { headers, text };
}
