// What may be a user's name, address and password, and which two of them are the same. The rules for
// user names are Keycloak's, so that every user can move there.

/** An order about users that cannot be carried out; the message is for the person who gave it. */
export class AccountError extends Error {
  override readonly name = "AccountError";
  readonly isExpected = true;
  readonly kind: "invalid" | "taken" | "unknown";
  /** What is wrong, without the order. */
  readonly reason: string;

  constructor(kind: AccountError["kind"], action: string, reason: string) {
    super(`Cannot ${action}: ${reason}`);
    this.kind = kind;
    this.reason = reason;
  }
}

/** Upper and lower case, and two ways of encoding one letter, are the same name. */
export function fold(text: string): string {
  return text.normalize("NFKC").trim().toLowerCase();
}

/** @throws {AccountError} */
export function normalizeUsername(username: string, email: string | undefined): string {
  const name = fold(username);
  const isOwnEmail = email !== undefined && name === fold(email);
  const isUsable = /^[^\s\p{C}@<>&"'$%!#?§,;:*~/\\|^=[\]{}()`]{1,100}$/u.test(name);
  // People sign in by user name or e-mail address: with an @, one's name could be another's address.
  if (isUsable || isOwnEmail) return name;
  throw new AccountError(
    "invalid",
    `create user "${username}"`,
    `a user name has 1 to 100 characters, no blanks, none of <>&"'$%!#?§,;:*~/\\|^=[]{}()\``.concat(
      " and no @ unless it is the user's own e-mail address",
    ),
  );
}

/** @throws {AccountError} */
export function normalizeEmail(email: string): string {
  const address = fold(email);
  if (/^[^\s\p{C}@]{1,64}@[^\s\p{C}@]{1,255}$/u.test(address)) return address;
  const action = `use e-mail address "${email}"`;
  throw new AccountError("invalid", action, "it must look like name@domain");
}

/** @throws {AccountError} */
export function requirePassword(user: string, password: string): string {
  if (password !== "" && password.length <= 1024) return password;
  const action = `set the password of ${user}`;
  throw new AccountError("invalid", action, "a password has 1 to 1024 characters");
}

/** A part of a person's name, as it is shown. @throws {AccountError} */
export function requireNamePart(user: string, part: string): string {
  if (part.length <= 255 && !/\p{Cc}/u.test(part)) return part.trim();
  const action = `name user "${user}"`;
  throw new AccountError("invalid", action, "a name has up to 255 characters on one line");
}

/** The last word is the last name; both joined are the name again. */
export function splitName(name: string): { firstName: string; lastName: string } {
  const [, firstName = name.trim(), lastName = ""] = /^(.*) ([^ ]+)$/s.exec(name.trim()) ?? [];
  return { firstName, lastName };
}

/** As Keycloak has it in the claim `name`. */
export function joinName(firstName: string, lastName: string): string {
  return [firstName, lastName].filter((part) => part !== "").join(" ");
}

/** @throws {AccountError} when a statement about one user has found nobody */
export function requireFound(count: number, id: string): void {
  if (count === 0) throw new AccountError("unknown", `change user ${id}`, "no such user");
}
