// How sessions begin and end at Core, each with what its answer promises.
import { createHash } from "node:crypto";
import { decodeJwt } from "jose";
import type { Cluster } from "./cluster.ts";
import { askCore, type CoreCall } from "./core_door.ts";
import type { ModelSession, RevocationModel } from "./revocation_model.ts";

export const endings = [
  "revoke",
  "end one",
  "end one by its owner",
  "end all",
  "end all by their owner",
  "end others",
  "previous token",
  "logout at the provider",
] as const;
export type Ending = (typeof endings)[number];

/** A call, and what its answer of 200 means. */
interface EndCall extends CoreCall {
  readonly answered: (atMs: number, by: string) => void;
}

export class SessionOperations {
  readonly #cluster: Cluster;
  readonly #model: RevocationModel;
  readonly figures = {
    signIns: 0,
    endsAsked: 0,
    endsAnswered: 0,
    endsUnconfirmed: 0,
    endsBroken: 0,
    endsRefused: 0,
  };
  readonly endDurationsMs: number[] = [];

  constructor(cluster: Cluster, model: RevocationModel) {
    this.#cluster = cluster;
    this.#model = model;
  }

  /** @returns `undefined` when Core did not answer or could not */
  async signIn(core: number, name: string, sub: string): Promise<ModelSession | undefined> {
    const body = { access_token: this.#cluster.provider.giveAccessToken({ sub }) };
    const finish = this.#model.beginSignIn(sub);
    const call = { method: "POST", path: "/api/token/exchange", json: body } as const;
    const { status, body: answer } = await askCore(this.#portOf(core), call);
    if (status !== 200) {
      if (status !== 0 && status !== 503)
        this.#model.violations.push(`unexpected: a sign-in was answered ${status}: ${answer}`);
      return undefined;
    }
    this.figures.signIns++;
    const { token } = JSON.parse(answer) as { token: string };
    const session: ModelSession = {
      name,
      sub,
      token,
      cookie: this.#cluster.formatCookie(token),
      id: createHash("sha256")
        .update(decodeJwt(token).jti ?? "")
        .digest("hex"),
      mayBeOver: false,
    };
    finish(session);
    return session;
  }

  /** @returns the answer's status, 0 without one */
  async end(core: number, session: ModelSession, how: Ending): Promise<number> {
    const { answered, ...call } = await this.#describe(session, how);
    const port = this.#portOf(core);
    const beganAtMs = performance.now();
    this.figures.endsAsked++;
    const { status } = await askCore(port, call, (known) => {
      const nowMs = performance.now();
      if (known !== 200) return;
      this.endDurationsMs.push(nowMs - beganAtMs);
      answered(nowMs, `${how} at core ${core}, after ${Math.round(nowMs - beganAtMs)} ms`);
    });
    if (status === 200) this.figures.endsAnswered++;
    else if (status === 503) this.figures.endsUnconfirmed++;
    else if (status === 0) this.figures.endsBroken++;
    // Whoever ends a session by itself is nobody when it is over already.
    else if (status === 401 || status === 404) this.figures.endsRefused++;
    else this.#model.violations.push(`unexpected: ${how} was answered ${status}`);
    return status;
  }

  async #describe(session: ModelSession, how: Ending): Promise<EndCall> {
    const { provider, helm } = this.#cluster;
    const { token, sub, id } = session;
    const owner = `Bearer ${token}`;
    const one = () => this.#model.beginEnd([session]);
    const all = () => this.#model.beginPersonalEnd(sub);
    const path = "/api/sessions";
    switch (how) {
      case "revoke":
        return { method: "POST", path: "/api/token/revoke", json: { token }, answered: one() };
      case "end one":
        return { method: "DELETE", path: `${path}/${id}`, authorization: helm, answered: one() };
      case "end one by its owner":
        return { method: "DELETE", path: `${path}/${id}`, authorization: owner, answered: one() };
      case "end all":
        return {
          method: "DELETE",
          path: `${path}?sub=${sub}`,
          authorization: helm,
          answered: all(),
        };
      case "end all by their owner":
        return { method: "DELETE", path, authorization: owner, answered: all() };
      case "end others":
        return {
          method: "DELETE",
          path: `${path}?except=current`,
          authorization: owner,
          answered: this.#model.beginPersonalEnd(sub, session),
        };
      case "previous token": {
        const json = { access_token: provider.giveAccessToken({ sub }), previous_token: token };
        return { method: "POST", path: "/api/token/exchange", json, answered: one() };
      }
      case "logout at the provider": {
        const logout_token = await provider.giveLogoutToken({ sub, sid: undefined });
        const form = { logout_token };
        return { method: "POST", path: "/api/backchannel-logout", form, answered: all() };
      }
    }
  }

  #portOf(core: number): number {
    return this.#cluster.cores[core % this.#cluster.cores.length]?.port ?? 0;
  }
}
