/** What the provider refused or did not answer; the message is for the person. */
export class IdentityError extends Error {
  override readonly name = "IdentityError";
  readonly isExpected = true;
  /** What is wrong, without the action. */
  readonly reason: string;
  /** Of the provider's answer, if there was one. */
  readonly status: number | undefined;
  /** Whether what was asked for may have happened all the same. */
  readonly mayHaveActed: boolean;
  /** Whether nothing can be asked there at the moment: it is away, or refuses Helm itself. */
  readonly isOutage: boolean;

  constructor(action: string, reason: string, details: IdentityErrorDetails = {}) {
    super(`Cannot ${action}: ${reason}`, { cause: details.cause });
    this.reason = reason;
    this.status = details.status;
    this.mayHaveActed = details.mayHaveActed ?? false;
    this.isOutage = details.isOutage ?? false;
  }
}

interface IdentityErrorDetails {
  readonly status?: number | undefined;
  readonly mayHaveActed?: boolean;
  readonly isOutage?: boolean;
  readonly cause?: unknown;
}

/** The change itself is made; the sessions that had to end with it may live on. */
export class SessionsLeftError extends IdentityError {}
