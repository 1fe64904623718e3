import type { IncomingMessage } from "node:http";
import type { Log } from "@hivematrix/lib/log";
import type { CanonicalTarget } from "./canonical_target.ts";

/** A request that Nexus answers itself, judged and read once. */
export interface OwnRequest {
  readonly method: string;
  readonly target: CanonicalTarget;
  readonly parameters: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
  readonly cookies: ReadonlyMap<string, string>;
  readonly requestId: string;
  readonly log: Log;
}

export type OwnHandler = (request: OwnRequest) => Response | Promise<Response>;
