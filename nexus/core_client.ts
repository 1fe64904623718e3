import { HttpError } from "@hivematrix/lib/http_error";
import { Agent, request } from "undici";

/** What Nexus asks of Core. */
export interface CoreClient {
  /** @returns the user token of a new session @throws {HttpError} 401 refused, 503 Core or provider away */
  exchange(login: ProviderLogin): Promise<string>;
  /** Whether the session behind a token lives. @throws {HttpError} 503 when Core cannot say */
  isLive(token: string): Promise<boolean>;
  /** Ends the session behind a token. @throws {HttpError} 503 unless Core has confirmed it */
  revoke(token: string): Promise<void>;
  close(): Promise<void>;
}

export interface ProviderLogin {
  readonly accessToken: string;
  readonly idToken: string;
  readonly refreshToken: string | undefined;
  /** The provider's session (OpenID Connect Front-Channel Logout §3). */
  readonly sid: string | undefined;
  /** The user token that this browser held before: its session ends when the new one begins. */
  readonly previousToken: string | undefined;
}

const timeoutMs = 5000;

export function createCoreClient(coreUrl: string): CoreClient {
  const agent = new Agent({ connections: 16, connect: { timeout: 2000 }, pipelining: 1 });

  const post = async (path: string, body: object) => {
    try {
      const response = await request(new URL(path, coreUrl), {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
        dispatcher: agent,
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
      });
      return { status: response.statusCode, body: (await response.body.json()) as CoreAnswer };
    } catch (error) {
      throw coreIsAway(error);
    }
  };

  return {
    async exchange({ accessToken, idToken, refreshToken, sid, previousToken }) {
      const { status, body } = await post("/api/token/exchange", {
        access_token: accessToken,
        id_token: idToken,
        refresh_token: refreshToken,
        sid,
        previous_token: previousToken,
      });
      if (status === 200 && typeof body.token === "string") return body.token;
      if (status === 401) throw new HttpError(401, "Core refused this login");
      throw coreIsAway(new Error(`Core answered ${status} to a token exchange`));
    },
    async isLive(token) {
      const { status, body } = await post("/api/token/validate", { token });
      if (status === 200 && body.valid === true) return true;
      if (status === 401 && body.valid === false) return false;
      // Whatever else Core says is no permission: fail closed.
      throw coreIsAway(new Error(`Core answered ${status} to a validation`));
    },
    async revoke(token) {
      const { status } = await post("/api/token/revoke", { token });
      // 401: no token of Core's, so there is no session that it could open.
      if (status !== 200 && status !== 401)
        throw coreIsAway(new Error(`Core answered ${status} to a revocation`));
    },
    close: () => agent.close(),
  };
}

interface CoreAnswer {
  token?: unknown;
  valid?: unknown;
}

function coreIsAway(cause: unknown): HttpError {
  return new HttpError(503, "Sign-in cannot be checked at the moment, please try again shortly", {
    cause,
    headers: { "retry-after": "2" },
  });
}
