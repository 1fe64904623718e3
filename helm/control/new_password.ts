import { randomInt } from "node:crypto";

/** No i, l, o, 0 and 1, which look like one another on paper and on a screen. */
const letters = "abcdefghjkmnpqrstuvwxyz";
const digits = "23456789";

/**
 * A password to hand over, read out or type: `Kf7m-x2qp-9hvt-dwc4`. About 77 random bits; it has
 * a capital, a small letter, a digit and a sign, for a provider that insists on them.
 */
export function newPassword(): string {
  for (;;) {
    const first = pick(letters).toUpperCase();
    const rest = Array.from({ length: 15 }, () => pick(letters + digits)).join("");
    const isMixed = /[a-z]/.test(rest) && /\d/.test(rest);
    if (isMixed) return (first + rest).replace(/.{4}(?=.)/g, "$&-");
  }
}

function pick(characters: string): string {
  return characters.charAt(randomInt(characters.length));
}
