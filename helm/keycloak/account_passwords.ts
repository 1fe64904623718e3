import { randomBytes } from "node:crypto";
import type { Sql } from "@hivematrix/lib/database";
import type { TransactionSql } from "postgres";
import { AccountError, fold, requireFound, requirePassword } from "./account_text.ts";
import { hashPassword, isOutdated, rejectPassword, verifyPassword } from "./password_hash.ts";
import { endOtherSessionsOf, endSessionsOf } from "./session_ending.ts";
import { kindForUnknown } from "./unknown_names.ts";

/** A change of the tables, to be made in a transaction. */
export type Change = (sql: TransactionSql) => Promise<void>;

/** The passwords of the embedded provider's users. Hashing takes its time, so it goes before a change. */
export class AccountPasswords {
  readonly #sql: Sql;
  readonly #namesKey: string;

  /** @param namesKey secret; see unknown_names.ts. Default: another one each time */
  constructor(sql: Sql, namesKey: string = randomBytes(32).toString("hex")) {
    this.#sql = sql;
    this.#namesKey = namesKey;
  }

  /**
   * The id of whom this user name or e-mail address and password belong to, disabled or not. An unknown
   * name and a wrong password are one answer after the same time.
   *
   * @param turn where it comes from (password_hash.ts)
   */
  async check(login: string, password: string, turn: string): Promise<string | undefined> {
    const wanted = fold(login);
    // One question for known and unknown names alike.
    const [row] = await this.#sql<{ id: string | null; hash: string | null; share: number }[]>`
      SELECT u.id, u.password_hash AS hash, s.share
      FROM (SELECT coalesce(avg((password_hash LIKE '$scrypt$%')::int), 0)::float8 AS share
        FROM users) s
      LEFT JOIN users u ON u.username = ${wanted} OR u.email = ${wanted}`;
    const { id = null, hash, share = 0 } = row ?? {};
    if (id === null || !hash) {
      const kind = kindForUnknown(wanted, this.#namesKey, share);
      await rejectPassword(password, { kind, turn });
      return undefined;
    }
    if (!(await verifyPassword(password, hash, turn))) return undefined;
    return await this.#confirm({ id, hash }, { login, password, turn });
  }

  /** Reads again, for a check takes its time: a password that was replaced meanwhile is wrong. */
  async #confirm(
    { id, hash }: { id: string; hash: string },
    { login, password, turn }: { login: string; password: string; turn: string },
  ): Promise<string | undefined> {
    const [row] = await this.#sql<{ isEnabled: boolean }[]>`
      SELECT is_enabled AS "isEnabled" FROM users WHERE id = ${id} AND password_hash = ${hash}`;
    if (!isOutdated(hash)) return row === undefined ? undefined : id;
    // Another tab may have signed in meanwhile and so replaced the hash, not the password.
    if (row === undefined) return await this.check(login, password, turn);
    if (row.isEnabled) await this.#renewHash(id, hash, await hashPassword(password, turn));
    return id;
  }

  /** The same password in a hash of today's kind; unless it was replaced meanwhile. */
  async #renewHash(id: string, former: string, hash: string): Promise<void> {
    await this.#sql`
      UPDATE users SET password_hash = ${hash} WHERE id = ${id} AND password_hash = ${former}`;
  }

  /** Another password, set by somebody who may; ends the sessions. */
  async replace(
    id: string,
    password: string,
    { mustChangePassword }: { mustChangePassword: boolean },
  ): Promise<Change> {
    const hash = await hashPassword(requirePassword(id, password));
    return async (sql) => {
      const { count } = await sql`
        UPDATE users SET password_hash = ${hash}, must_change_password = ${mustChangePassword}
        WHERE id::text = ${id}`;
      requireFound(count, id);
      await endSessionsOf(sql, id);
    };
  }

  /**
   * The user's own choice, made in one of their sessions; their others end.
   *
   * @returns `undefined` for the password that they have
   */
  async choose(
    id: string,
    password: string,
    { session, turn }: { session: string; turn: string },
  ): Promise<Change | undefined> {
    const [row] = await this.#sql<{ hash: string }[]>`
      SELECT password_hash AS hash FROM users WHERE id::text = ${id}`;
    requireFound(row === undefined ? 0 : 1, id);
    const former = row?.hash ?? "";
    if (former !== "" && (await verifyPassword(password, former, turn))) return undefined;
    const hash = await hashPassword(requirePassword(id, password), turn);
    return async (sql) => {
      // Not over one that was set meanwhile: an administrator's reset counts.
      const { count } = await sql`
        UPDATE users SET password_hash = ${hash}, must_change_password = false
        WHERE id::text = ${id} AND password_hash = ${former}`;
      if (count === 0) throw new AccountError("taken", "set the password", "it was set meanwhile");
      await endOtherSessionsOf(sql, id, session);
    };
  }
}
