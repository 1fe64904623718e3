import type { Sql } from "@hivematrix/lib/database";
import type postgres from "postgres";
import { hashPassword, rejectPassword, verifyPassword } from "./password_hash.ts";
import { announceUser, endSessionsOf } from "./session_ending.ts";

/** A person who may sign in. `id` becomes the `sub` claim, so it never changes. */
export interface Account {
  readonly id: string;
  readonly username: string;
  readonly email: string | null;
  /** The name to show. */
  readonly name: string;
  readonly isEnabled: boolean;
  readonly groups: readonly string[];
}

export interface NewAccount {
  readonly username: string;
  readonly password: string;
  readonly email?: string | undefined;
  /** Default: the user name. */
  readonly name?: string | undefined;
  readonly groups?: readonly string[];
}

/** An order about users that cannot be carried out; the message is for the person who gave it. */
export class AccountError extends Error {
  override readonly name = "AccountError";
  readonly isExpected = true;
}

/** The users and groups of the embedded identity provider, in PostgreSQL. */
export class EmbeddedAccounts {
  readonly #sql: Sql;
  readonly #onLogout: () => void;

  /** @param onLogout called when there is something to tell Core (backchannel_logout.ts) */
  constructor(sql: Sql, { onLogout = () => {} }: { onLogout?: () => void } = {}) {
    this.#sql = sql;
    this.#onLogout = onLogout;
  }

  /** Everyone, ordered by user name. */
  async list(): Promise<Account[]> {
    return await this.#select(this.#sql`true`);
  }

  async find(id: string): Promise<Account | undefined> {
    const [account] = await this.#select(this.#sql`u.id::text = ${id}`);
    return account;
  }

  /** @throws {AccountError} for a name that is taken or unusable, or a group that does not exist */
  async create({ username, password, email, name, groups = [] }: NewAccount): Promise<Account> {
    const login = normalizeUsername(username, email);
    const address = email === undefined ? null : normalizeEmail(email);
    const hash = await hashPassword(requirePassword(username, password));
    const id = await this.#sql.begin(async (sql) => {
      const [row] = await sql<{ id: string }[]>`
        INSERT INTO users (username, email, name, password_hash)
        VALUES (${login}, ${address}, ${name ?? username}, ${hash})
        ON CONFLICT DO NOTHING RETURNING id`;
      if (row === undefined) {
        throw new AccountError(
          `Cannot create user "${username}": the user name or e-mail address is taken, choose another`,
        );
      }
      for (const group of groups) await joinGroup(sql, row.id, group);
      return row.id;
    });
    return await this.#require(id);
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
    const wanted = fold(login);
    const [row] = await this.#sql<{ id: string; password_hash: string }[]>`
      SELECT id, password_hash FROM users WHERE username = ${wanted} OR email = ${wanted}`;
    if (row === undefined) {
      await rejectPassword(password, turn);
      return undefined;
    }
    const isRight = await verifyPassword(password, row.password_hash, turn);
    // Read again, for all this takes its time: a password that was replaced meanwhile is wrong.
    const [account] = await this.#select(
      this.#sql`u.id = ${row.id} AND u.password_hash = ${row.password_hash}`,
    );
    return isRight && account?.isEnabled === true ? account : undefined;
  }

  /** Disabling ends the sessions too; the tokens of a disabled user are worth nothing from then on. */
  async setEnabled(id: string, isEnabled: boolean): Promise<void> {
    await this.#change(async (sql) => {
      const { count } = await sql`
        UPDATE users SET is_enabled = ${isEnabled} WHERE id::text = ${id}`;
      requireFound(count, id);
      if (!isEnabled) await endSessionsOf(sql, id);
    });
  }

  /** Ends the sessions too: whoever signed in with the former password may be why it was replaced. */
  async setPassword(id: string, password: string): Promise<void> {
    const hash = await hashPassword(requirePassword(id, password));
    await this.#change(async (sql) => {
      const { count } = await sql`
        UPDATE users SET password_hash = ${hash} WHERE id::text = ${id}`;
      requireFound(count, id);
      await endSessionsOf(sql, id);
    });
  }

  /** Ends the sessions too. */
  async remove(id: string): Promise<void> {
    await this.#change(async (sql) => {
      requireFound((await sql`DELETE FROM users WHERE id::text = ${id}`).count, id);
      await endSessionsOf(sql, id);
    });
  }

  async groups(): Promise<string[]> {
    const rows = await this.#sql<{ name: string }[]>`SELECT name FROM user_groups ORDER BY name`;
    return rows.map((row) => row.name);
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
      const { count } = await sql`
        DELETE FROM user_group_members WHERE user_id::text = ${id} AND group_name = ${group}`;
      if (count > 0) await announceUser(sql, id);
    });
  }

  /** A change that Core has to know of, stored as a whole and then told. */
  async #change(work: (sql: postgres.TransactionSql) => Promise<void>): Promise<void> {
    await this.#sql.begin(work);
    this.#onLogout();
  }

  async #require(id: string): Promise<Account> {
    const account = await this.find(id);
    if (account === undefined) throw new AccountError(`Cannot find user ${id}: no such user`);
    return account;
  }

  async #select(condition: ReturnType<Sql>): Promise<Account[]> {
    const rows = await this.#sql<Account[]>`
      SELECT u.id, u.username, u.email, u.name, u.is_enabled AS "isEnabled",
        array_remove(array_agg(m.group_name ORDER BY m.group_name), NULL) AS groups
      FROM users u LEFT JOIN user_group_members m ON m.user_id = u.id
      WHERE ${condition} GROUP BY u.id ORDER BY u.username`;
    return [...rows];
  }
}

/** @returns whether the user was not in it before */
async function joinGroup(
  sql: postgres.TransactionSql,
  userId: string,
  group: string,
): Promise<boolean> {
  const [known] = await sql`SELECT 1 FROM user_groups WHERE name = ${group}`;
  if (known === undefined) {
    throw new AccountError(`Cannot add user ${userId} to group "${group}": no such group`);
  }
  const { count } = await sql`
    INSERT INTO user_group_members (user_id, group_name)
    VALUES (${userId}, ${group}) ON CONFLICT DO NOTHING`;
  return count > 0;
}

/** Upper and lower case, and two ways of encoding one letter, are the same name. */
function fold(text: string): string {
  return text.normalize("NFKC").trim().toLowerCase();
}

function normalizeUsername(username: string, email: string | undefined): string {
  const name = fold(username);
  const isOwnEmail = email !== undefined && name === fold(email);
  // People sign in by user name or e-mail address: with an @, one's name could be another's address.
  if (/^[^\s\p{C}@]{1,100}$/u.test(name) || isOwnEmail) return name;
  throw new AccountError(
    `Cannot create user "${username}": a user name has 1 to 100 characters, no blanks, and no @ unless it is the user's own e-mail address`,
  );
}

function normalizeEmail(email: string): string {
  const address = fold(email);
  if (/^[^\s\p{C}@]{1,64}@[^\s\p{C}@]{1,255}$/u.test(address)) return address;
  throw new AccountError(`Cannot use e-mail address "${email}": it must look like name@domain`);
}

function requirePassword(user: string, password: string): string {
  if (password !== "" && password.length <= 1024) return password;
  throw new AccountError(`Cannot set the password of ${user}: a password has 1 to 1024 characters`);
}

function requireFound(count: number, id: string): void {
  if (count === 0) throw new AccountError(`Cannot change user ${id}: no such user`);
}
