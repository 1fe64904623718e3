import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { ParameterizedContext } from "koa";
import type { PublicAddress } from "./public_address.ts";

const name = "hive_device";
const lifetimeMs = 180 * 24 * 3600 * 1000;

/**
 * Remembers in a browser who has signed in there. It opens nothing: it only lets the sign-in count
 * that person's own attempts apart from everybody else's (password_throttle.ts).
 */
export class KnownDevices {
  readonly #key: string;
  readonly #address: PublicAddress;

  constructor(key: string, address: PublicAddress) {
    this.#key = key;
    this.#address = address;
  }

  /** The browser's own number, if this user has signed in there. */
  find(context: ParameterizedContext, userId: string): string | undefined {
    const [device = "", proof = ""] =
      context.cookies.get(name, { signed: false })?.split(".") ?? [];
    const given = Buffer.from(proof, "base64url");
    const expected = this.#prove(device, userId);
    return given.length === expected.length && timingSafeEqual(given, expected)
      ? device
      : undefined;
  }

  /** @param known as `find` gave it */
  remember(context: ParameterizedContext, userId: string, known: string | undefined): void {
    const device = known ?? randomBytes(16).toString("base64url");
    const value = `${device}.${this.#prove(device, userId).toString("base64url")}`;
    context.cookies.set(name, value, {
      signed: false,
      httpOnly: true,
      sameSite: "lax",
      secure: this.#address.isSecure,
      path: `${this.#address.path}/`,
      maxAge: lifetimeMs,
    });
  }

  #prove(device: string, userId: string): Buffer {
    return createHmac("sha256", this.#key).update(`known device ${device} ${userId}`).digest();
  }
}
