import type { IncomingMessage } from "node:http";
import type { Log } from "@hivematrix/lib/log";
import type { CanonicalTarget } from "./canonical_target.ts";
import type { Session } from "./session_check.ts";

/** A request that Nexus answers itself, judged and read once. */
export interface OwnRequest {
  readonly method: string;
  readonly target: CanonicalTarget;
  readonly parameters: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
  readonly cookies: ReadonlyMap<string, string>;
  readonly requestId: string;
  /** Where the connection comes from. */
  readonly address: string | undefined;
  readonly log: Log;
}

export type OwnHandler = (request: OwnRequest) => Response | Promise<Response>;

export type SessionHandler = (
  request: OwnRequest,
  session: Session,
) => Response | Promise<Response>;

/** A page of Nexus's own and the methods that it answers; any other is 405. */
export interface OwnPage<Handler> {
  readonly methods: readonly string[];
  readonly handler: Handler;
}

/** A page that can be read and does nothing else. */
export function readable<Handler>(handler: Handler): OwnPage<Handler> {
  return { methods: ["GET", "HEAD"], handler };
}
