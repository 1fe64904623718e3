import type { UserContext } from "@hivematrix/lib/auth";
import type { Handler } from "@hivematrix/lib/router";
import { createLogFilter, type LogFilter } from "../control/log_filter.ts";
import { followLogs, logEnds } from "../control/log_tail.ts";
import { type LineBefore, readShownLine, type ShownLine } from "./shown_line.ts";

/** Events that a slow reader may have waiting; beyond that they are counted instead of kept. */
const maxWaiting = 1000;
/** A proxy between would close a connection on which nothing passes. */
const aliveEveryMs = 20_000;

/** A line as the event `line` carries it. */
export interface LineEvent extends Omit<ShownLine, "atMs"> {
  readonly time: string;
}

/** What is read of a request for a stream: which services and which of their lines. */
export interface StreamWish {
  readonly services: readonly string[];
  readonly filter: LogFilter;
}

/**
 * The lines that services write from now on, as server-sent events: `line` with a LineEvent, and
 * `skipped` with the number of lines that a slow reader has missed. Read from the files, so that
 * it needs no database.
 */
export class LogStreams {
  readonly #logDir: string;
  readonly #open = new Set<() => void>();

  constructor(logDir: string) {
    this.#logDir = logDir;
  }

  /** A handler whose stream ends with the token that opened it; the browser then asks again. */
  handler(
    readWish: (context: UserContext) => StreamWish | Promise<StreamWish>,
  ): Handler<UserContext> {
    return async (_request, context) =>
      this.stream(await readWish(context), context.caller.user.exp * 1000);
  }

  stream({ services, filter }: StreamWish, untilMs: number): Response {
    const stopping = new AbortController();
    const body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          const close = () => {
            if (stopping.signal.aborted) return;
            stopping.abort();
            clearInterval(alive);
            clearTimeout(expiry);
            this.#open.delete(close);
            controller.close();
          };
          const send = createSender(controller);
          const alive = setInterval(() => send(": alive\n\n"), aliveEveryMs);
          const expiry = setTimeout(close, untilMs - Date.now());
          this.#open.add(close);
          stopping.signal.addEventListener("abort", () => {
            clearInterval(alive);
            clearTimeout(expiry);
            this.#open.delete(close);
          });
          send(": following\n\n");
          const onLine = createLineReader(services, filter, (line) => send(toEvent(line)));
          const ends = logEnds(this.#logDir, services);
          followLogs(this.#logDir, ends, onLine, stopping.signal).catch(close);
        },
        cancel: () => stopping.abort(),
      },
      { highWaterMark: maxWaiting },
    );
    return new Response(body, {
      headers: { "content-type": "text/event-stream", "cache-control": "no-store" },
    });
  }

  /** Ends every stream, which would last for ever. */
  close(): void {
    for (const close of [...this.#open]) close();
  }
}

function createLineReader(
  services: readonly string[],
  filter: LogFilter,
  show: (line: ShownLine) => void,
): (service: string, line: string) => void {
  const readers = new Map(
    services.map((name) => [
      name,
      { accepts: createLogFilter(filter), before: undefined as LineBefore | undefined },
    ]),
  );
  return (service, line) => {
    const reader = readers.get(service);
    if (reader === undefined) return;
    const shown = readShownLine(service, line, { before: reader.before, nowMs: Date.now() });
    reader.before = shown;
    if (reader.accepts(line)) show(shown);
  };
}

/** Counts what a slow reader has no room for, and tells it when there is room again. */
function createSender(controller: ReadableStreamDefaultController<Uint8Array>) {
  const encoder = new TextEncoder();
  let skipped = 0;
  return (event: string) => {
    if ((controller.desiredSize ?? 0) <= 1) {
      if (event.startsWith("event: line")) skipped++;
      return;
    }
    if (skipped > 0) controller.enqueue(encoder.encode(`event: skipped\ndata: ${skipped}\n\n`));
    skipped = 0;
    controller.enqueue(encoder.encode(event));
  };
}

function toEvent({ atMs, ...line }: ShownLine): string {
  const event: LineEvent = { time: new Date(atMs).toISOString(), ...line };
  return `event: line\ndata: ${JSON.stringify(event)}\n\n`;
}
