// Who takes part when parts of a platform are restarted: people who are signed in, and some who must
// not get in.
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { generateKeyPair, SignJWT } from "jose";
import { TestBrowser } from "../../nexus/browser_testing.ts";
import type { Platform } from "../platform_testing.ts";
import type { Intruder, PartLoad, Person } from "./part_load.ts";
import { signInTo } from "./sign_in_to.ts";

/** The first user, and as many new ones as there are names. */
export async function signInPeople(
  platform: Platform,
  names: readonly string[],
): Promise<[Person, ...Person[]]> {
  const people: [Person, ...Person[]] = [
    { name: "admin", cookie: await signInTo(new TestBrowser(platform.origin)) },
  ];
  for (const name of names) {
    const made = await platform.helm("users", "create", name, "--no-temporary");
    const [, password] = /shown this once: (\S+)/.exec(made.output) ?? [];
    if (password === undefined) throw new Error(`Cannot make ${name}: ${made.output}`);
    const browser = new TestBrowser(platform.origin);
    people.push({ name, cookie: await signInTo(browser, { username: name, password }) });
  }
  return people;
}

/** Nobody; a cookie and a token that Core has not made; a session that has ended. */
export async function findIntruders(platform: Platform, { cookie }: Person): Promise<Intruder[]> {
  const middle = Math.floor(cookie.length / 2);
  const other = cookie[middle] === "A" ? "B" : "A";
  const token = await forgeToken(platform, cookie);
  const forged = cookie.slice(0, middle) + other + cookie.slice(middle + 1);
  return [
    { what: "nobody", headers: {} },
    { what: "a forged cookie", headers: { cookie: forged } },
    { what: "a forged token", headers: { authorization: `Bearer ${token}` } },
    { what: "an ended session", headers: { cookie: await endedSession(platform.origin) } },
  ];
}

/** Of the right claims and under the name of Core's own key, but not signed with it. */
async function forgeToken(platform: Platform, cookie: string): Promise<string> {
  const core = `http://127.0.0.1:${platform.read("apps.core.port")}`;
  const jwks = await fetch(`${core}/.well-known/jwks.json`);
  const { keys } = (await jwks.json()) as { keys: [{ kid: string }] };
  const me = await new TestBrowser(platform.origin).request("/api/me", { headers: { cookie } });
  const { privateKey } = await generateKeyPair("RS256");
  const claims = { ...me.json(), iss: "hivematrix.core", jti: randomUUID() };
  return await new SignJWT(claims)
    .setProtectedHeader({ alg: "RS256", kid: keys[0].kid })
    .setIssuedAt()
    .sign(privateKey);
}

/** @returns the cookie of a session that was begun and ended */
async function endedSession(origin: string): Promise<string> {
  const browser = new TestBrowser(origin);
  const cookie = await signInTo(browser);
  const headers = { origin, "sec-fetch-site": "same-origin" };
  const { status, body } = await browser.request("/logout", { method: "POST", headers });
  if (status !== 200) throw new Error(`Not signed out: ${status} ${body.slice(0, 200)}`);
  return cookie;
}

/** Signs in and out again and again; whoever was told to be signed out must not get in after that. */
export async function keepSigningOut(
  origin: string,
  load: PartLoad,
  signal: AbortSignal,
): Promise<number> {
  let ended = 0;
  while (!signal.aborted) {
    // A sign-in may fail while a part that it needs is away.
    const cookie = await endedSession(origin).catch(() => undefined);
    if (cookie !== undefined) {
      ended++;
      load.addIntruder({ what: `session ${ended}, ended meanwhile,`, headers: { cookie } });
    }
    await pause(2000, undefined, { signal }).catch(() => {});
  }
  return ended;
}
