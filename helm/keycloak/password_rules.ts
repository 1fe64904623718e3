/** Of a password that a person chooses (NIST SP 800-63B-4 §3.1.1.2 asks for 8 beside a second factor). */
export const minPasswordCharacters = 8;

/** Why a person may not have this password, as a sentence for them; `undefined`: they may. */
export function refuseChosenPassword(
  password: string,
  { repeated, names }: { repeated: string; names: readonly string[] },
): string | undefined {
  const normalized = password.normalize("NFKC");
  if ([...normalized].length < minPasswordCharacters) {
    return `The password is too short: it needs at least ${minPasswordCharacters} characters.`;
  }
  if (password.length > 1024) return "The password is too long: it may have 1024 characters.";
  if (names.some((name) => name.toLowerCase() === normalized.toLowerCase())) {
    return "The password must not be your name or your e-mail address.";
  }
  if (password !== repeated) return "The two passwords are not the same. Please type them again.";
  return undefined;
}
