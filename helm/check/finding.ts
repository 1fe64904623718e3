/** What one check found. */
export interface Finding {
  readonly outcome: "ok" | "failed" | "not tried";
  /** What was seen, or why nothing was tried. */
  readonly found: string;
  /** Of a failed one: what to do about it. */
  readonly remedy?: string;
}

export interface CheckResult extends Finding {
  /** The promise, as it is kept: "refuses a call without a token". */
  readonly check: string;
}

export function ok(found: string): Finding {
  return { outcome: "ok", found };
}

export function failed(found: string, remedy: string): Finding {
  return { outcome: "failed", found, remedy };
}

export function notTried(reason: string): Finding {
  return { outcome: "not tried", found: reason };
}
