import type { Sql } from "@hivematrix/lib/database";
import type postgres from "postgres";
import { AccountPasswords } from "./account_passwords.ts";
import { type AccountFilter, type Fragment, matching } from "./account_search.ts";
import {
  AccountError,
  fold,
  joinName,
  normalizeEmail,
  normalizeUsername,
  requireFound,
  requireNamePart,
  requirePassword,
  splitName,
} from "./account_text.ts";
import { joinGroup, leaveGroup, listGroups } from "./embedded_groups.ts";
import { hashPassword } from "./password_hash.ts";
import { announceUser, endSessionsOf } from "./session_ending.ts";

/** A person who may sign in. `id` becomes the `sub` claim, so it never changes. */
export interface Account {
  readonly id: string;
  readonly username: string;
  readonly email: string | null;
  /** The name to show: first and last name, or else the user name. */
  readonly name: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly isEnabled: boolean;
  /** Asked for another password at the next sign-in. */
  readonly mustChangePassword: boolean;
  readonly createdAt: Date;
  readonly groups: readonly string[];
}

export interface NewAccount {
  readonly username: string;
  /** Without one, nobody can sign in as this user until one is set. */
  readonly password?: string | undefined;
  readonly mustChangePassword?: boolean;
  readonly email?: string | undefined;
  /** Both names in one; the last word is the last name. */
  readonly name?: string | undefined;
  readonly firstName?: string | undefined;
  readonly lastName?: string | undefined;
  readonly isEnabled?: boolean;
  readonly groups?: readonly string[];
}

/** What is not named stays as it is. */
export interface AccountChanges {
  readonly email?: string | null | undefined;
  readonly firstName?: string | undefined;
  readonly lastName?: string | undefined;
  readonly isEnabled?: boolean | undefined;
  readonly mustChangePassword?: boolean | undefined;
}

/** The users and groups of the embedded identity provider, in PostgreSQL. */
export class EmbeddedAccounts {
  readonly #sql: Sql;
  readonly #onLogout: () => void;
  readonly #passwords: AccountPasswords;

  /**
   * @param options.onLogout called when there is something to tell Core (backchannel_logout.ts)
   * @param options.namesKey secret; see unknown_names.ts. Default: another one each time
   */
  constructor(
    sql: Sql,
    {
      onLogout = () => {},
      namesKey,
    }: { onLogout?: () => void; namesKey?: string | undefined } = {},
  ) {
    this.#sql = sql;
    this.#onLogout = onLogout;
    this.#passwords = new AccountPasswords(sql, namesKey);
  }

  /** Everyone, ordered by user name. */
  async list(): Promise<Account[]> {
    return await this.#select(this.#sql`true`);
  }

  async find(id: string): Promise<Account | undefined> {
    const [account] = await this.#select(this.#sql`u.id::text = ${id}`);
    return account;
  }

  /** Some of those that the filter lets through, ordered by user name. */
  async search(
    filter: AccountFilter,
    { first = 0, max = 100 }: { first?: number; max?: number } = {},
  ): Promise<Account[]> {
    return await this.#select(matching(this.#sql, filter), this.#sql`LIMIT ${max} OFFSET ${first}`);
  }

  async count(filter: AccountFilter): Promise<number> {
    const [row] = await this.#sql<{ count: number }[]>`
      SELECT count(*)::int FROM users u WHERE ${matching(this.#sql, filter)}`;
    return row?.count ?? 0;
  }

  /** @throws {AccountError} for a name that is taken or unusable, or a group that does not exist */
  async create(account: NewAccount): Promise<Account> {
    const { username, password, email, groups = [], isEnabled = true } = account;
    const login = normalizeUsername(username, email);
    const address = email === undefined ? null : normalizeEmail(email);
    const { firstName = "", lastName = "" } = { ...splitName(account.name ?? ""), ...account };
    const [first, last] = [firstName, lastName].map((part) => requireNamePart(username, part));
    const hash =
      password === undefined ? "" : await hashPassword(requirePassword(username, password));
    const mustChange = account.mustChangePassword ?? false;
    const id = await this.#sql.begin(async (sql) => {
      // People sign in by either; a name that was its owner's address once may be another's now.
      const [namesake] =
        await sql`SELECT 1 FROM users WHERE username = ${address} OR email = ${login}`;
      if (namesake !== undefined) throw taken(`create user "${username}"`, "email");
      const [row] = await sql<{ id: string }[]>`
        INSERT INTO users (username, email, first_name, last_name, password_hash,
          must_change_password, is_enabled)
        VALUES (${login}, ${address}, ${first ?? ""}, ${last ?? ""}, ${hash},
          ${mustChange}, ${isEnabled})
        ON CONFLICT DO NOTHING RETURNING id`;
      if (row === undefined) {
        const [known] = await sql`SELECT 1 FROM users WHERE username = ${login}`;
        throw taken(`create user "${username}"`, known === undefined ? "email" : "username");
      }
      for (const group of groups) await joinGroup(sql, row.id, group);
      return row.id;
    });
    return await this.#require(id);
  }

  /**
   * Disabling ends the sessions too.
   *
   * @throws {AccountError} for a user who is not there, or an address that is taken or unusable
   */
  async update(id: string, changes: AccountChanges): Promise<void> {
    const { firstName, lastName, isEnabled } = changes;
    const email = changes.email ? normalizeEmail(changes.email) : changes.email;
    const columns = {
      ...(email !== undefined && { email: email || null }),
      ...(firstName !== undefined && { first_name: requireNamePart(id, firstName) }),
      ...(lastName !== undefined && { last_name: requireNamePart(id, lastName) }),
      ...(isEnabled !== undefined && { is_enabled: isEnabled }),
      ...(changes.mustChangePassword !== undefined && {
        must_change_password: changes.mustChangePassword,
      }),
    };
    await this.#change(async (sql) => {
      const [former] = await sql<{ is_enabled: boolean }[]>`
        SELECT is_enabled FROM users WHERE id::text = ${id} FOR UPDATE`;
      requireFound(former === undefined ? 0 : 1, id);
      if (Object.keys(columns).length === 0) return;
      const [other] =
        email == null
          ? []
          : await sql`SELECT 1 FROM users
              WHERE (email = ${email} OR username = ${email}) AND id::text <> ${id}`;
      if (other !== undefined) throw taken(`change user ${id}`, "email");
      await sql`UPDATE users SET ${sql(columns)} WHERE id::text = ${id}`;
      if (isEnabled === false && former?.is_enabled === true) await endSessionsOf(sql, id);
    });
  }

  /** The id of whoever signs in with this user name or e-mail address. */
  async findId(login: string): Promise<string | undefined> {
    const wanted = fold(login);
    const [row] = await this.#sql<{ id: string }[]>`
      SELECT id FROM users WHERE username = ${wanted} OR email = ${wanted}`;
    return row?.id;
  }

  /**
   * Who this user name or e-mail address and password belong to. Unknown name, wrong password and
   * disabled user are one answer after the same time, so that nobody learns which names exist.
   *
   * @param turn where it comes from (password_hash.ts)
   */
  async checkPassword(login: string, password: string, turn = ""): Promise<Account | undefined> {
    const id = await this.#passwords.check(login, password, turn);
    const account = id === undefined ? undefined : await this.find(id);
    return account?.isEnabled === true ? account : undefined;
  }

  /** Disabling ends the sessions too; the tokens of a disabled user are worth nothing from then on. */
  async setEnabled(id: string, isEnabled: boolean): Promise<void> {
    await this.update(id, { isEnabled });
  }

  /** Ends the sessions too: whoever signed in with the former password may be why it was replaced. */
  async setPassword(
    id: string,
    password: string,
    options: { mustChangePassword?: boolean } = {},
  ): Promise<void> {
    const { mustChangePassword = false } = options;
    await this.#change(await this.#passwords.replace(id, password, { mustChangePassword }));
  }

  /**
   * The user's own choice, made in one of their sessions; their others end (R12).
   *
   * @param turn where it comes from (password_hash.ts)
   * @returns `isFormer`: nothing is changed, for it is the password that they have
   * @throws {AccountError} when it was set by somebody else meanwhile
   */
  async choosePassword(
    id: string,
    password: string,
    { session, turn = "" }: { session: string; turn?: string },
  ): Promise<"changed" | "isFormer"> {
    const change = await this.#passwords.choose(id, password, { session, turn });
    if (change === undefined) return "isFormer";
    await this.#change(change);
    return "changed";
  }

  /** Ends all sessions of a user, here and at the platform. */
  async logout(id: string): Promise<void> {
    await this.#require(id);
    await this.#change((sql) => endSessionsOf(sql, id));
  }

  /** Ends the sessions too. */
  async remove(id: string): Promise<void> {
    await this.#change(async (sql) => {
      requireFound((await sql`DELETE FROM users WHERE id::text = ${id}`).count, id);
      await endSessionsOf(sql, id);
    });
  }

  async groups(): Promise<string[]> {
    return (await listGroups(this.#sql)).map(({ name }) => name);
  }

  /** Makes the groups that are not there yet. */
  async ensureGroups(names: readonly string[]): Promise<void> {
    for (const name of names) {
      await this.#sql`INSERT INTO user_groups (name) VALUES (${name}) ON CONFLICT DO NOTHING`;
    }
  }

  /** Core's sessions end, for their tokens name the old groups; the user stays signed in here. */
  async addToGroup(id: string, group: string): Promise<void> {
    await this.#change(async (sql) => {
      if (await joinGroup(sql, id, group)) await announceUser(sql, id);
    });
  }

  /** As `addToGroup`. */
  async removeFromGroup(id: string, group: string): Promise<void> {
    await this.#change(async (sql) => {
      if (await leaveGroup(sql, id, group)) await announceUser(sql, id);
    });
  }

  /** A change that Core has to know of, stored as a whole and then told. */
  async #change(work: (sql: postgres.TransactionSql) => Promise<void>): Promise<void> {
    await this.#sql.begin(work);
    this.#onLogout();
  }

  async #require(id: string): Promise<Account> {
    const account = await this.find(id);
    requireFound(account === undefined ? 0 : 1, id);
    return account as Account;
  }

  async #select(condition: Fragment, page: Fragment = this.#sql``): Promise<Account[]> {
    const rows = await this.#sql<Omit<Account, "name">[]>`
      SELECT u.id, u.username, u.email, u.first_name AS "firstName", u.last_name AS "lastName",
        u.is_enabled AS "isEnabled", u.must_change_password AS "mustChangePassword",
        u.created_at AS "createdAt",
        array_remove(array_agg(m.group_name ORDER BY m.group_name), NULL) AS groups
      FROM users u LEFT JOIN user_group_members m ON m.user_id = u.id
      WHERE ${condition} GROUP BY u.id ORDER BY u.username ${page}`;
    return rows.map((row) => ({
      ...row,
      name: joinName(row.firstName, row.lastName) || row.username,
    }));
  }
}

function taken(action: string, what: "username" | "email"): AccountError {
  return new AccountError("taken", action, `User exists with same ${what}`);
}
