import { backendUrl } from "../config/public_origin.ts";
import { type Finding, failed, notTried, ok } from "./finding.ts";
import { forgeTokens } from "./forged_tokens.ts";
import type { Subject } from "./subject.ts";

const guard =
  "guard the route, as template/routes.ts does with tokenRequired (in Python @token_required)";
const verify =
  "verify tokens as lib/token_verifier.ts does: Core's keys, RS256 alone, issuer and expiry";

/** Whoever has no token gets 401 (contract §7, step 2). */
export function checkClosed({ door }: Subject): Finding {
  if (door.kind === "unknown") return notTried(door.reason);
  if (door.kind === "wrong") return failed(`${door.what} without a token, instead of 401`, guard);
  return ok(`GET ${door.path} answers 401`);
}

export async function checkForged(subject: Subject): Promise<Finding> {
  const { config, door, probe, tokens } = subject;
  if (door.kind !== "closed") return notTried(noDoor);
  if ("problem" in tokens) return notTried(tokens.problem);
  const jwks = await fetch(new URL("/.well-known/jwks.json", backendUrl(config, "core")), {
    signal: AbortSignal.timeout(5000),
  });
  const forged = forgeTokens(tokens.own, (await jwks.json()) as Parameters<typeof forgeTokens>[1]);
  for (const { name, token } of forged) {
    const { status } = await probe.get(door.path, { token });
    if (status !== 401) return failed(`one ${name} is answered ${status}, not 401`, verify);
  }
  return ok(`${forged.length} of them answered 401`);
}

/** A token of one service opens no door of another (design §3). */
export async function checkForeign({ door, name, probe, tokens }: Subject): Promise<Finding> {
  if (door.kind !== "closed") return notTried(noDoor);
  if ("problem" in tokens) return notTried(tokens.problem);
  const { status } = await probe.get(door.path, { token: tokens.foreign });
  const own = await probe.get(door.path, { token: tokens.own });
  const what = `one for "${tokens.foreignTarget}" is answered ${status}`;
  // 403 for both says that the page is for people, and that the token was believed.
  if (status === 401 || (status === 403 && own.status < 400)) return ok(what);
  const remedy = `refuse a service token whose target_service is not "${name}": any service that is called could use what it gets here`;
  return failed(`${what}, not 401`, remedy);
}

/** The right token is not always enough for the page, but it must be known for what it is. */
export async function checkOwn({ door, probe, tokens }: Subject): Promise<Finding> {
  if (door.kind !== "closed") return notTried(noDoor);
  if ("problem" in tokens) return notTried(tokens.problem);
  const { status } = await probe.get(door.path, { token: tokens.own });
  const what = `GET ${door.path} answers ${status}`;
  if (status === 401) return failed(what, `take tokens of Core's: ${verify}`);
  if (status >= 500) return failed(what, 'see why in its log ("helm logs")');
  return ok(status === 403 ? `${what}: known, but this is for people` : what);
}

const noDoor = "no path is known that asks for a token";
