import { get as getHttp } from "node:http";
import { get as getHttps } from "node:https";
import { text } from "node:stream/consumers";
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";

/** Core could not be asked, so nothing is known about the token. */
export class CoreAwayError extends Error {
  override readonly name = "CoreAwayError";
}

/** While keys are younger than this, Core is only asked for a `kid` that is not among them. */
const freshMs = 10 * 60 * 1000;

/** While Core is away its last keys count for as long as the longest-lived token they signed. */
const usableMs = 60 * 60 * 1000;

/** Core is asked again at most this often: forged ids must not become load. */
const cooldownMs = 5000;

const timeoutMs = 3000;

/**
 * Core's public keys (its JWKS), kept between requests.
 *
 * @param now milliseconds on a clock that never goes back
 * @returns the key for a token's `kid`; throws CoreAwayError, or jose's error when no key fits
 */
export function createCoreKeys(
  coreUrl: string,
  now: () => number = () => performance.now(),
): JWTVerifyGetKey {
  const url = new URL("/.well-known/jwks.json", coreUrl);
  let find: JWTVerifyGetKey | undefined;
  let fetchedAt = Number.NEGATIVE_INFINITY;
  let askedAt = Number.NEGATIVE_INFINITY;
  let pending: Promise<void> | undefined;
  let failure: unknown;

  const ask = async () => {
    askedAt = now();
    try {
      find = await fetchKeys(url);
      fetchedAt = now();
      failure = undefined;
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      pending = undefined;
    }
  };
  const refresh = () => {
    // Requests that come together ask once.
    pending ??= ask();
    return pending;
  };
  const isDue = () => now() - askedAt >= cooldownMs;
  const ageMs = () => now() - fetchedAt;

  return async (header, token) => {
    // Which of several keys is meant must not be a matter of luck (RFC 7515 §4.1.4).
    if (typeof header.kid !== "string") throw new errors.JWSInvalid("its kid is missing");
    if (find === undefined || ageMs() > usableMs) await refresh();
    // Old keys still count when Core does not answer.
    else if (ageMs() > freshMs && isDue()) await refresh().catch(() => {});
    try {
      return await keysOf(find)(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      // Where the last question had no answer, nobody knows whether the key is a new one.
      if (pending === undefined && !isDue()) throw failure ?? error;
    }
    await refresh();
    return await keysOf(find)(header, token);
  };
}

function keysOf(find: JWTVerifyGetKey | undefined): JWTVerifyGetKey {
  if (find === undefined) throw new CoreAwayError("Core's keys have not been fetched");
  return find;
}

async function fetchKeys(url: URL): Promise<JWTVerifyGetKey> {
  try {
    return createLocalJWKSet(JSON.parse(await readText(url)) as JSONWebKeySet);
  } catch (error) {
    throw new CoreAwayError("Core's public keys cannot be fetched", { cause: error });
  }
}

/** By node:http, for a question every ten minutes at most: fetch takes 14 MB of memory once it is used. */
function readText(url: URL): Promise<string> {
  const get = url.protocol === "https:" ? getHttps : getHttp;
  const signal = AbortSignal.timeout(timeoutMs);
  return new Promise((resolve, reject) => {
    get(url, { agent: false, signal }, (incoming) => {
      if (incoming.statusCode !== 200) {
        incoming.destroy();
        reject(new Error(`Core answered ${incoming.statusCode}`));
      } else text(incoming).then(resolve, reject);
    }).on("error", reject);
  });
}
