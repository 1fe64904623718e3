// Which failures of a query mean that PostgreSQL is away, rather than that the query is wrong.

const connectionCodes = new Set([
  "CONNECT_TIMEOUT",
  "CONNECTION_CLOSED",
  "CONNECTION_DESTROYED",
  "CONNECTION_ENDED",
  "ECONNREFUSED",
  "ECONNRESET",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EPIPE",
  "ETIMEDOUT",
  "57P01", // admin_shutdown
  "57P02", // crash_shutdown
  "57P03", // cannot_connect_now: starting up or shutting down
  "53300", // too_many_connections
]);

/** Whether this error of postgres.js means: no connection now, perhaps later. */
export function databaseIsAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError && error.errors.some(databaseIsAway)) return true;
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined) return false;
  // SQLSTATE class 08 is "connection exception" (PostgreSQL, appendix A).
  return connectionCodes.has(code) || /^08[0-9A-Z]{3}$/.test(code);
}
