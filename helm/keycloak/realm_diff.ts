// Two representations of the Admin REST API compared: what is there, and what has to be.
export type Fields = Readonly<Record<string, unknown>>;

export interface Difference {
  /** `sslRequired`, or `attributes/pkce.code.challenge.method`. */
  readonly field: string;
  readonly found: unknown;
  readonly wanted: unknown;
}

/** Where `found` is not as `wanted`; what `wanted` does not name may be as it likes. */
export function findDifferences(found: Fields, wanted: Fields, parent = ""): Difference[] {
  return Object.entries(wanted).flatMap(([name, value]) => {
    const field = parent + name;
    const there = found[name];
    if (isFields(value)) return findDifferences(isFields(there) ? there : {}, value, `${field}/`);
    return isSame(there, value) ? [] : [{ field, found: there, wanted: value }];
  });
}

/** `found` with all that `wanted` names, and everything else as it was. */
export function mend(found: Fields, wanted: Fields): Fields {
  const entries = Object.entries(wanted).map(([name, value]) => {
    const there = found[name];
    return [name, isFields(value) ? mend(isFields(there) ? there : {}, value) : value];
  });
  return { ...found, ...Object.fromEntries(entries) };
}

/** For the log: secrets are named, never shown. */
export function describeDifference({ field, found, wanted }: Difference): string {
  if (field === "secret") return "secret was another";
  return `${field} was ${JSON.stringify(found) ?? "not set"}, is ${JSON.stringify(wanted)} now`;
}

/** Keycloak leaves out what is empty, and keeps lists in an order of its own. */
function isSame(found: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) {
    const list = Array.isArray(found) ? found : [];
    return list.length === wanted.length && wanted.every((each) => list.includes(each));
  }
  return (found ?? "") === wanted;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
