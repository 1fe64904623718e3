import { randomBytes } from "node:crypto";
import { formatCookie } from "@hivematrix/lib/cookies";
import type { CookieNames } from "./cookie_names.ts";
import { foldLogin } from "./login_name.ts";
import type { SealedBox } from "./sealed_box.ts";

const lifetimeSeconds = 180 * 24 * 3600;
/** People who share a browser; of more, those that signed in last. */
const maxLogins = 8;

interface Known {
  /** The browser's own number. */
  readonly id: string;
  readonly logins: readonly string[];
}

/**
 * Remembers in a browser who has signed in there. It opens nothing: it only lets the sign-in count
 * that person's own attempts apart from everybody else's (password_guard.ts).
 */
export class KnownBrowsers {
  readonly #box: SealedBox;
  readonly #name: string;
  readonly #isSecure: boolean;

  constructor(box: SealedBox, names: CookieNames, { isSecure }: { isSecure: boolean }) {
    this.#box = box;
    this.#name = names.knownBrowser;
    this.#isSecure = isSecure;
  }

  /** The browser's number, if somebody has signed in there by this name. */
  find(cookies: ReadonlyMap<string, string>, login: string): string | undefined {
    const known = this.#read(cookies);
    return known?.logins.includes(foldLogin(login)) ? known.id : undefined;
  }

  /** The Set-Cookie value. @param logins what this person may type as their name */
  format(cookies: ReadonlyMap<string, string>, logins: readonly string[]): string {
    const known = this.#read(cookies);
    const all = new Set([...logins.map(foldLogin), ...(known?.logins ?? [])]);
    const next: Known = {
      id: known?.id ?? randomBytes(16).toString("base64url"),
      logins: [...all].slice(0, maxLogins),
    };
    const value = this.#box.seal(JSON.stringify(next), this.#name);
    return formatCookie(this.#name, value, {
      secure: this.#isSecure,
      maxAgeSeconds: lifetimeSeconds,
    });
  }

  #read(cookies: ReadonlyMap<string, string>): Known | undefined {
    const sealed = cookies.get(this.#name);
    const text = sealed === undefined ? undefined : this.#box.open(sealed, this.#name);
    // What the box opens is what was sealed here.
    return text === undefined ? undefined : (JSON.parse(text) as Known);
  }
}
