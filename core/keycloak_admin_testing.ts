// For tests of faults: the few answers of Keycloak's Admin REST API that Core asks for, over HTTP, with
// a clock, a delay and refusals of its own. What Keycloak really does, the tests with a real one say.
import { randomUUID } from "node:crypto";
import { readForm } from "@hivematrix/lib/request_body";
import { type Handler, router } from "@hivematrix/lib/router";
import { type RunningServer, serve } from "@hivematrix/lib/serve";
import { createTestLog, type TestScope } from "@hivematrix/lib/testing";
import { UnsecuredJWT } from "jose";
import type { Keycloak } from "./keycloak.ts";

export interface DoublePerson {
  enabled: boolean;
  /** Paths: `/technicians`. */
  groups: string[];
  sessions: { id: string; start: number }[];
  passwordSetAt?: number;
}

export interface AdminDouble {
  readonly keycloak: Keycloak;
  /** By id. */
  readonly people: Map<string, DoublePerson>;
  /** Milliseconds since 1970 on the provider's clock. */
  now(): number;
  setClock(aheadMs: number): void;
  /** Stores an admin event. @param atMs default now */
  tell(operation: string, resource: string, path: string, atMs?: number): void;
  /** Stores what somebody has done, now. */
  tellUser(type: string, userId: string): void;
  settings: { adminEventsEnabled: boolean };
  /** Path and query of each question, tokens not counted. */
  readonly questions: string[];
  /** The refresh tokens whose sessions were to end. */
  readonly logouts: string[];
  /** How many tokens it has given; those given before no longer count after `refuseTokens`. */
  readonly tokens: number;
  refuseTokens(): void;
  /** Answers in place of it where it returns something. */
  misbehave(answer: (path: string) => Response | Promise<Response> | undefined): void;
  stop(): Promise<void>;
  restart(): Promise<void>;
}

interface StoredEvent {
  readonly id: string;
  readonly time: number;
  readonly operationType: string;
  readonly resourceType: string;
  readonly resourcePath: string;
}

export async function startAdminDouble(scope: TestScope): Promise<AdminDouble> {
  const people: AdminDouble["people"] = new Map();
  const events: StoredEvent[] = [];
  const userEvents: { id: string; time: number; type: string; userId: string }[] = [];
  const questions: string[] = [];
  const logouts: string[] = [];
  const settings = { adminEventsEnabled: true };
  let aheadMs = 0;
  let tokens = 0;
  let goodSince = 0;
  let misbehaviour: (path: string) => Response | Promise<Response> | undefined = () => undefined;
  const now = () => Date.now() + aheadMs;

  const giveToken: Handler = () => {
    tokens++;
    const iat = Math.floor(now() / 1000);
    const access_token = new UnsecuredJWT({ number: tokens }).setIssuedAt(iat).encode();
    return Response.json({ access_token: `${access_token}${tokens}`, expires_in: 300 });
  };
  const readEvents = ({ searchParams: query }: URL) => {
    const first = Number(query.get("first"));
    return events
      .filter(({ time }) => time >= Number(query.get("dateFrom")))
      .filter(({ resourceType }) => query.getAll("resourceTypes").includes(resourceType))
      .sort((a, b) => b.time - a.time)
      .slice(first, first + Number(query.get("max")));
  };
  const readUser = (id: string, part: string | undefined) => {
    const person = people.get(decodeURIComponent(id));
    if (person === undefined) return Response.json({ error: "User not found" }, { status: 404 });
    if (part === "credentials") {
      return Response.json(
        person.passwordSetAt ? [{ type: "password", createdDate: person.passwordSetAt }] : [],
      );
    }
    if (part === "sessions") return Response.json(person.sessions);
    if (part === undefined) return Response.json({ id, enabled: person.enabled });
    return Response.json(person.groups.map((path) => ({ path, name: path.split("/").at(-1) })));
  };
  const answer: Handler = async (request, { url }) => {
    const path = url.pathname.replace("/admin/realms/hivematrix/", "");
    questions.push(path + url.search);
    const number = Number(request.headers.get("authorization")?.split(".").at(-1));
    if (!(number > goodSince)) return new Response(null, { status: 401 });
    const other = await misbehaviour(path);
    if (other !== undefined) return other;
    const [place, id = "", part] = path.split("/");
    if (place === "users") return readUser(id, part);
    if (path === "events") {
      const types = url.searchParams.getAll("type");
      return Response.json(userEvents.filter(({ type }) => types.includes(type)));
    }
    return Response.json(path === "admin-events" ? readEvents(url) : settings);
  };
  const logout: Handler = async (request) => {
    logouts.push((await readForm(request)).get("refresh_token") ?? "");
    return new Response(null, { status: 204 });
  };
  const base = "/realms/hivematrix/protocol/openid-connect";
  const handle = router(
    [
      { method: "POST", path: `${base}/token`, handler: giveToken },
      {
        method: "POST",
        path: `${base}/logout`,
        handler: logout,
      },
      ...["admin-events", "events", "events/config", "users/:id", "users/:id/:part"].map(
        (path) => ({
          method: "GET" as const,
          path: `/admin/realms/hivematrix/${path}`,
          handler: answer,
        }),
      ),
    ],
    { service: "keycloak", log: createTestLog("keycloak") },
  );
  let server: RunningServer = await serve(handle, { port: 0, drainTimeoutMs: 100 });
  const { origin, port } = server.url;
  scope.after(() => server.close());
  return {
    keycloak: {
      backendUrl: origin,
      realm: "hivematrix",
      clientId: "core-client",
      clientSecret: "test-client-secret",
    },
    people,
    now,
    setClock: (ms) => {
      aheadMs = ms;
    },
    tell: (operationType, resourceType, resourcePath, time = now()) => {
      events.push({ id: randomUUID(), time, operationType, resourceType, resourcePath });
    },
    tellUser: (type, userId) => {
      userEvents.push({ id: randomUUID(), time: now(), type, userId });
    },
    settings,
    questions,
    logouts,
    get tokens() {
      return tokens;
    },
    refuseTokens: () => {
      goodSince = tokens;
    },
    misbehave: (other) => {
      misbehaviour = other;
    },
    stop: () => server.close(),
    async restart() {
      server = await serve(handle, { port: Number(port), drainTimeoutMs: 100 });
    },
  };
}
