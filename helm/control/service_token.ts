import type { AskCore } from "./ask_core.ts";

export interface ServiceToken {
  readonly token: string;
  readonly expiresAt: Date;
}

/**
 * A token with which the service `helm` calls another (contract §4), good for five minutes.
 *
 * @param askCore as the service `helm`
 * @throws {CoreError} when Core does not answer or refuses, as it does for an unregistered target
 */
export async function getServiceToken(askCore: AskCore, target: string): Promise<ServiceToken> {
  const action = `get a service token for "${target}"`;
  const wanted = { calling_service: "helm", target_service: target };
  const { token } = await askCore(action, "POST", "/service-token", wanted);
  if (typeof token !== "string") throw new Error(`Cannot ${action}: Core's answer has none`);
  return { token, expiresAt: new Date(readExpiryMs(token)) };
}

/** Straight from Core, so nobody else's claims are read here. */
function readExpiryMs(token: string): number {
  const claims = Buffer.from(token.split(".")[1] ?? "", "base64url").toString();
  return Number((JSON.parse(claims) as { exp: unknown }).exp) * 1000;
}
