/** A time as JSON carries it: ISO 8601, in UTC. @param seconds since 1970 */
export function formatTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
