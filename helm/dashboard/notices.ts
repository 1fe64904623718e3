import { randomUUID } from "node:crypto";

/** What an action of an administrator has come to, for the page that the form leads back to. */
export interface Notice {
  /** BEM modifier of its alert. */
  readonly kind: "success" | "info" | "warning" | "error";
  readonly text: string;
  /** A password that Helm made: only the first look at the notice has it. */
  readonly password?: string;
}

const maxKept = 200;

/**
 * Notices by a name for the address bar. The text itself does not stand there: a link from anywhere
 * could then make this page say anything. In memory only, for nothing depends on them.
 */
export class Notices {
  readonly #kept = new Map<string, { readonly sub: string; readonly notice: Notice }>();

  /** @param sub who is to see it @returns its name */
  keep(sub: string, notice: Notice): string {
    const name = randomUUID();
    this.#kept.set(name, { sub, notice });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > maxKept && oldest !== undefined) this.#kept.delete(oldest);
    return name;
  }

  find(sub: string, name: string | null): Notice | undefined {
    const kept = this.#kept.get(name ?? "");
    if (kept?.sub !== sub || name === null) return undefined;
    const { password, ...notice } = kept.notice;
    if (password !== undefined) {
      const text = `${notice.text} The password was shown once.`;
      this.#kept.set(name, { sub, notice: { ...notice, text } });
    }
    return kept.notice;
  }
}
