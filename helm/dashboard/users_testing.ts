// For tests of the pages about users: the dashboard's own routes, a real Core, and a real provider.
import type { TestContext } from "node:test";
import { startTestPostgres } from "@hivematrix/lib/testing";
import { adaUserinfo } from "../../core/testing.ts";
import {
  type AdminPlace,
  createIdentityAdmin,
  type IdentityAdmin,
} from "../keycloak/admin_client.ts";
import { afterTest, lastFirst } from "../testing.ts";
import { startSessions, type TestSessions } from "./sessions_testing.ts";

export interface TestUsers extends Omit<TestSessions, "post" | "signIn"> {
  readonly admin: IdentityAdmin;
  /** Sends a form. */
  post(path: string, fields?: readonly (readonly [string, string])[]): Promise<Response>;
  /** The page that a form's answer leads to. */
  follow(response: Response): Promise<Response>;
  /** A request with a JSON body. */
  call(method: string, path: string, body?: object): Promise<{ status: number; body: Fields }>;
  /** A session of the platform for somebody whom the provider knows. @returns the token */
  signIn(username: string): Promise<string>;
}

type Fields = Record<string, unknown>;

/** @param place the provider; its administrator "root" is the one who asks */
export async function startUsers(t: TestContext, place: AdminPlace): Promise<TestUsers> {
  const { url: connectionString } = await startTestPostgres(lastFirst(t));
  const keycloakSettings = {
    mode: "external" as const,
    url: place.backendUrl,
    realm: place.realm,
    admin_client_id: place.clientId,
    admin_client_secret: place.clientSecret,
  };
  const sessions = await startSessions(t, { connectionString, keycloakSettings });
  const admin = createIdentityAdmin(place);
  afterTest(t, () => admin.close());
  const { ask } = sessions;
  return {
    ...sessions,
    admin,
    post: (path, fields = []) => ask(path, { method: "POST", body: toForm(fields) }),
    follow: (response) => ask((response.headers.get("location") ?? "").replace(/^\/helm/, "")),
    async call(method, path, body) {
      const headers = { accept: "application/json", "content-type": "application/json" };
      const sent = body === undefined ? {} : { body: JSON.stringify(body) };
      const response = await ask(path, { method, headers, ...sent });
      return { status: response.status, body: (await response.json()) as Fields };
    },
    async signIn(username) {
      const user = await admin.findUser(username);
      if (user === undefined) throw new Error(`There is no ${username}`);
      const userinfo = { ...adaUserinfo, sub: user.id, preferred_username: user.username };
      return await sessions.signIn(userinfo);
    },
  };
}

function toForm(fields: readonly (readonly [string, string])[]): URLSearchParams {
  const form = new URLSearchParams();
  for (const [name, value] of fields) form.append(name, value);
  return form;
}
