// Where a service asks for a token: the place at which tokens can be tried without changing anything.
import type { Probe } from "./probe.ts";
import type { Door } from "./subject.ts";

/** The page and the call that the contract's own example has (contract §7, step 2). */
const usualPaths = ["/", "/api/data"];

/**
 * The first path that answers 401 without a token, better one that lets the service's own token in.
 *
 * @param wanted a path to try instead of the usual ones
 */
export async function findDoor(
  probe: Probe,
  ownToken: string | undefined,
  wanted: string | undefined,
): Promise<Door> {
  const paths = wanted === undefined ? usualPaths : [wanted];
  const closed: string[] = [];
  let wrong: Door | undefined;
  for (const path of paths) {
    const answer = await probe.get(path).catch((error: Error) => error);
    if (answer instanceof Error) {
      wrong ??= { kind: "wrong", path, what: answer.message };
    } else if (answer.status === 401) {
      closed.push(path);
    } else if (answer.status !== 404) {
      wrong ??= { kind: "wrong", path, what: `GET ${path} answers ${answer.status}` };
    }
  }
  // An open one is worth more than a closed one beside it: that is what has to be mended.
  if (wrong !== undefined) return wrong;
  const [first] = closed;
  if (first === undefined) {
    const there = paths.map((path) => `"${path}"`).join(" or ");
    const reason = `there is nothing at ${there}; --path names a path that needs a token`;
    return { kind: "unknown", reason };
  }
  for (const path of ownToken === undefined ? [] : closed) {
    const answer = await probe.get(path, { token: ownToken }).catch(() => undefined);
    if (answer !== undefined && answer.status < 400) return { kind: "closed", path };
  }
  return { kind: "closed", path: first };
}
