import type { Checkout } from "../config/checkout.ts";
import type { MasterConfig } from "../config/master_config.ts";
import type { LogPosition } from "../logs/log_source.ts";
import type { Probe } from "./probe.ts";

/** The service under check, and what its checks share. */
export interface Subject {
  readonly checkout: Checkout;
  readonly config: MasterConfig;
  readonly name: string;
  readonly url: string;
  readonly probe: Probe;
  /** Names of all services that Nexus leads to. */
  readonly services: readonly string[];
  /** A path that asks for a token, or why none is known. */
  readonly door: Door;
  readonly tokens: CheckTokens;
  /** Where its log ended before the check. */
  readonly logEnd: LogPosition;
}

export type Door =
  | { readonly kind: "closed"; readonly path: string }
  /** It answers without a token, or fails. */
  | { readonly kind: "wrong"; readonly path: string; readonly what: string }
  | { readonly kind: "unknown"; readonly reason: string };

/** Of the service `helm`; `problem` says why Core has given none. */
export type CheckTokens =
  | { readonly own: string; readonly foreign: string; readonly foreignTarget: string }
  | { readonly problem: string };
