import type { Sql } from "@hivematrix/lib/database";
import type { PendingQuery, Row } from "postgres";
import { fold } from "./account_text.ts";

/** A part of a statement. */
export type Fragment = PendingQuery<Row[]>;

/** Which users, as the query of Keycloak's `GET /users` says it. All that is given has to hold. */
export interface AccountFilter {
  /** Words, each of which must be found in the user name, a name or the e-mail address. */
  readonly search?: string | undefined;
  readonly username?: string | undefined;
  readonly email?: string | undefined;
  readonly firstName?: string | undefined;
  readonly lastName?: string | undefined;
  /** `username` and the like are the whole, not a part. */
  readonly isExact?: boolean;
  readonly isEnabled?: boolean | undefined;
  /** Members of the group with this id. */
  readonly groupId?: string | undefined;
}

/** The filter as a condition on `users u`. */
export function matching(sql: Sql, filter: AccountFilter): Fragment {
  const { isExact = false, isEnabled, groupId } = filter;
  const words = (filter.search ?? "").split(/\s+/).filter((word) => word !== "");
  const fields: [Fragment, string | undefined][] = [
    [sql`u.username`, filter.username],
    [sql`u.email`, filter.email],
    [sql`lower(u.first_name)`, filter.firstName],
    [sql`lower(u.last_name)`, filter.lastName],
  ];
  const conditions: Fragment[] = [
    sql`true`,
    ...words.map((word) => containing(sql, wordPattern(word))),
    ...fields.flatMap(([column, value]) => {
      if (value === undefined) return [];
      const pattern = isExact ? escapeLike(fold(value)) : `%${escapeLike(fold(value))}%`;
      return [sql`coalesce(${column}, '') LIKE ${pattern}`];
    }),
    ...(isEnabled === undefined ? [] : [sql`u.is_enabled = ${isEnabled}`]),
    ...(groupId === undefined
      ? []
      : [
          sql`u.id IN (SELECT gm.user_id FROM user_group_members gm
            JOIN user_groups g ON g.name = gm.group_name WHERE g.id::text = ${groupId})`,
        ]),
  ];
  return conditions.reduce((all, condition) => sql`${all} AND ${condition}`);
}

function containing(sql: Sql, pattern: string): Fragment {
  return sql`(u.username LIKE ${pattern} OR coalesce(u.email, '') LIKE ${pattern}
    OR lower(u.first_name) LIKE ${pattern} OR lower(u.last_name) LIKE ${pattern})`;
}

/** As Keycloak reads a word: `"ada"` is the whole, `*ada*` a part, and `ada` the beginning. */
function wordPattern(word: string): string {
  const whole = /^"(.*)"$/.exec(word)?.[1];
  if (whole !== undefined) return escapeLike(fold(whole));
  const pattern = escapeLike(fold(word)).replaceAll("*", "%");
  return pattern.endsWith("%") ? pattern : `${pattern}%`;
}

function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, "\\$&");
}
