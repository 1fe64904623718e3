// Lines as ten services of an installation log them, the same in every run.

export const services = [
  ...["nexus", "core", "template", "codex", "ledger"],
  ...["brainhair", "archive", "beacon", "treasury", "knowledge"],
] as const;

/** Stands in one line of a million. */
export const rareWord = "zanzibar";

/** A generator of numbers that repeats itself from the same seed (Lehmer's). */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
}

/** @param first of the lines' numbers, from which all of them follow */
export function makeLines(first: number, count: number, beganAtMs: number): Map<string, string[]> {
  const random = createRandom(first + 1);
  const hex = (digits: number) =>
    Array.from({ length: digits }, () => random(16).toString(16)).join("");
  const lines = new Map<string, string[]>(services.map((service) => [service, []]));
  for (let i = first; i < first + count; i++) {
    // Evenly: the store takes no more than 2000 lines a second of one service for long.
    const service = services[random(services.length)] ?? "nexus";
    const time = new Date(beganAtMs + i * 100).toISOString();
    const ids = { request_id: hex(24), traceparent: `00-${hex(32)}-${hex(16)}-01` };
    const line = { time, level: "info", service, ...makeFields(i, random), ...ids };
    lines.get(service)?.push(JSON.stringify(line));
  }
  return lines;
}

function makeFields(i: number, random: (below: number) => number): object {
  if (i === 123_456) return { message: `imported the list of ${rareWord}` };
  const kind = random(1000);
  if (kind < 5) {
    const error = {
      name: "Error",
      message: "connection refused",
      stack: "Error: connection refused\n    at connect (lib/database.ts:12:3)",
    };
    return { level: "error", message: "cannot save the note", status: 500, error };
  }
  if (kind < 25)
    return { level: "warn", message: "session check failed", status: 401, reason: "expired" };
  if (kind < 100)
    return {
      message: "session began",
      sub: `user-${random(500)}`,
      address: `192.0.2.${random(250)}`,
    };
  const path = `/${["notes", "companies", "tickets", "invoices"][random(4)]}/${random(20_000)}`;
  const method = random(5) === 0 ? "POST" : "GET";
  return { message: "request", method, path, status: 200, duration_ms: random(90) };
}
