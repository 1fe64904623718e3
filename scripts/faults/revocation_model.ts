// What is known of sessions while everything around them fails, and what must not be: a request that
// began after an answered end is served. Pure bookkeeping, so that it can be wrong in one place only.

export interface ModelSession {
  readonly name: string;
  readonly sub: string;
  readonly token: string;
  /** `name=value`, as Nexus sets it. */
  readonly cookie: string;
  /** How Core's endpoints name it. */
  readonly id: string;
  /** Its end was asked for, or its Core has lost it: it may be refused, though it need not be. */
  mayBeOver: boolean;
  /** When the first answer came that it has ended, and to what. */
  ended?: { readonly atMs: number; readonly by: string };
}

export interface ModelRequest {
  readonly number: number;
  readonly session: ModelSession;
  readonly nexus: number;
  readonly kind: RequestKind;
  readonly credential: "cookie" | "bearer";
  /** Before its first byte was written, on this process's clock. */
  readonly beganAtMs: number;
}

/** A service's page, a page of Nexus's own, and two that stay open. */
export type RequestKind = "echo" | "me" | "stream" | "socket";

/** One person's ends that may still take effect, for sign-ins at the same time. */
interface PersonalEnds {
  begun: number;
  open: number;
}

export class RevocationModel {
  readonly sessions: ModelSession[] = [];
  /** What must not be. */
  readonly violations: string[] = [];
  readonly counts = { served: 0, refused: 0, unsure: 0, broken: 0 };
  readonly #personalEnds = new Map<string, PersonalEnds>();
  #losses = 0;
  readonly #onEnded: (session: ModelSession) => void;

  /** @param onEnded at the moment of the first answer that says that a session has ended */
  constructor(onEnded: (session: ModelSession) => void = () => {}) {
    this.#onEnded = onEnded;
  }

  /** @returns what to call with the session once the sign-in is answered */
  beginSignIn(sub: string): (session: ModelSession) => void {
    const ends = this.#endsOf(sub);
    const before = { begun: ends.begun, losses: this.#losses };
    return (session) => {
      const isEndedMeanwhile = ends.open > 0 || ends.begun !== before.begun;
      session.mayBeOver = isEndedMeanwhile || this.#losses !== before.losses;
      this.sessions.push(session);
    };
  }

  /** @returns what to call at the moment of an answer that says: these have ended */
  beginEnd(sessions: readonly ModelSession[]): (atMs: number, by: string) => void {
    for (const session of sessions) session.mayBeOver = true;
    return (atMs, by) => {
      for (const session of sessions) {
        if (session.ended !== undefined) continue;
        session.ended = { atMs, by };
        this.#onEnded(session);
      }
    };
  }

  /** The end of all of a person's sessions: those whose sign-in is answered by now are meant. */
  beginPersonalEnd(sub: string, except?: ModelSession): (atMs: number, by: string) => void {
    const ends = this.#endsOf(sub);
    ends.begun++;
    ends.open++;
    const meant = this.sessions.filter((session) => session.sub === sub && session !== except);
    const end = this.beginEnd(meant);
    return (atMs, by) => {
      ends.open--;
      end(atMs, by);
    };
  }

  /** A Core that kept its sessions in memory is gone; also to be called when it begins to go. */
  loseAll(): void {
    this.#losses++;
    for (const session of this.sessions) session.mayBeOver = true;
  }

  served(request: ModelRequest, how: string): void {
    const { session, beganAtMs } = request;
    this.counts.served++;
    if (session.ended === undefined) return;
    const afterMs = beganAtMs - session.ended.atMs;
    if (afterMs < 0) return;
    this.violations.push(
      `served: ${describeRequest(request)} ${how}, though it began ${afterMs.toFixed(1)} ms after the end of ${session.name} was answered (${session.ended.by})`,
    );
  }

  /** @param status the answer's, or 0 when there was none */
  refused(request: ModelRequest, status: number): void {
    if (status === 0) this.counts.broken++;
    else if (status === 503) this.counts.unsure++;
    else if (status === 401 || status === 302) {
      this.counts.refused++;
      if (!request.session.mayBeOver) {
        this.violations.push(
          `refused: ${describeRequest(request)} was answered ${status}, though nothing has ended ${request.session.name}`,
        );
      }
    } else {
      this.violations.push(`unexpected: ${describeRequest(request)} was answered ${status}`);
    }
  }

  #endsOf(sub: string): PersonalEnds {
    const known = this.#personalEnds.get(sub) ?? { begun: 0, open: 0 };
    this.#personalEnds.set(sub, known);
    return known;
  }
}

export function describeRequest({
  number,
  session,
  nexus,
  kind,
  credential,
}: ModelRequest): string {
  return `request ${number} (${kind} by ${credential} of ${session.name} at nexus ${nexus})`;
}
