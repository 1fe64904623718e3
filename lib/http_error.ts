/**
 * A failure that has an answer: thrown where it is noticed, turned into a response by
 * error_response.ts alone. The message is shown to the caller; `cause` only goes to the log.
 */
export class HttpError extends Error {
  override readonly name = "HttpError";
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Extension members of the problem document (RFC 9457 §3.2). */
  readonly fields: Readonly<Record<string, unknown>>;

  constructor(
    status: number,
    message: string,
    options: {
      cause?: unknown;
      headers?: Readonly<Record<string, string>>;
      fields?: Readonly<Record<string, unknown>>;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.status = status;
    this.headers = options.headers ?? {};
    this.fields = options.fields ?? {};
  }
}
