// Steady requests of several people through Nexus, and of some that have to be refused, while parts of
// the platform are restarted or killed: each answer is judged as it comes.
import { setTimeout as pause } from "node:timers/promises";
import { waitFor } from "@hivematrix/lib/wait_for";
import { type Exchanged, exchange, newAgent } from "./http_exchange.ts";
import { NoteLedger, readNotes } from "./part_ledger.ts";

/** Somebody who is signed in, and has to stay so. */
export interface Person {
  readonly name: string;
  /** The session's cookie, as `name=value`. */
  readonly cookie: string;
}

/** Who must never get in. */
export interface Intruder {
  readonly what: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What happened while one part was restarted. */
export interface StepFigures {
  readonly step: string;
  readonly requests: number;
  /** Requests of people who are signed in that were not answered as usual, by status or error. */
  readonly troubles: Readonly<Record<string, number>>;
  /** From the first of those to the last. */
  readonly troubleMs: number;
  readonly slowestMs: number;
  /** Requests that have to be refused, and were. */
  readonly refusals: number;
}

export interface LoadFigures {
  readonly requests: number;
  readonly writes: number;
  readonly steps: readonly StepFigures[];
  /** What must never happen. */
  readonly faults: readonly string[];
}

interface Step {
  readonly name: string;
  /** Connections may be refused or cut. */
  readonly closesNexus: boolean;
  requests: number;
  refusals: number;
  readonly troubles: Record<string, number>;
  firstTroubleAt?: number;
  lastTroubleAt?: number;
  slowestMs: number;
}

interface Sent {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly content?: string;
}

/** One client's way to send: connections kept, or a new one for each request. */
type Send = (sent: Sent) => Promise<Exchanged | Error>;

const page = { accept: "text/html", "sec-fetch-mode": "navigate" };
/** Of each client after each request: steady, and room for what else has to go on here. */
const pauseMs = 10;
const mostFaultsKept = 100;

export class PartLoad {
  readonly #origin: string;
  readonly #ledgers = new Map<Person, NoteLedger>();
  readonly #intruders: Intruder[];
  readonly #steps: Step[] = [];
  readonly #faults: string[] = [];
  #step: Step;
  #writes = 0;
  /** In a row, of people who are signed in. */
  #rightAnswers = 0;
  #isOver = false;
  #work: Promise<void>[] = [];

  constructor(origin: string, intruders: readonly Intruder[]) {
    this.#origin = origin;
    this.#intruders = [...intruders];
    this.#step = this.#newStep("before", false);
  }

  /** Begins a client with kept connections and one without for each person, and two for intruders. */
  async begin(people: readonly Person[]): Promise<void> {
    for (const person of people) {
      const before = await readNotes(this.#origin, person.cookie);
      this.#ledgers.set(person, new NoteLedger(before));
      for (const isKept of [true, false]) this.#work.push(this.#beThere(person, isKept));
    }
    for (const isKept of [true, false]) this.#work.push(this.#intrude(isKept));
  }

  /** From now on this one has to be refused. */
  addIntruder(intruder: Intruder): void {
    this.#intruders.push(intruder);
  }

  /** Goes on until everybody is answered as usual again. @param closesNexus connections may be cut */
  async during(name: string, closesNexus: boolean, act: () => Promise<void>): Promise<void> {
    this.#step = this.#newStep(name, closesNexus);
    await act();
    this.#rightAnswers = 0;
    const what = `everybody to be answered after "${name}"`;
    await waitFor(() => this.#rightAnswers >= 40, { timeoutMs: 60_000, what });
    this.#step = this.#newStep(`after ${name}`, false);
  }

  /** Stops the clients, and looks whether everybody is signed in and all is written as was said. */
  async end(): Promise<LoadFigures> {
    this.#isOver = true;
    await Promise.all(this.#work);
    for (const [person, ledger] of this.#ledgers) {
      const { name, cookie } = person;
      try {
        const wrong = ledger.check(await readNotes(this.#origin, cookie));
        for (const words of wrong) this.#addFault(`${name}: ${words}`);
      } catch (error) {
        this.#addFault(`${name} at the end: ${(error as Error).message}`);
      }
    }
    const steps = this.#steps.filter(
      ({ name, troubles }) => !name.startsWith("after ") || Object.keys(troubles).length > 0,
    );
    return {
      requests: this.#steps.reduce((sum, { requests, refusals }) => sum + requests + refusals, 0),
      writes: this.#writes,
      steps: steps.map(describeStep),
      faults: this.#faults,
    };
  }

  #newStep(name: string, closesNexus: boolean): Step {
    const step = { name, closesNexus, requests: 0, refusals: 0, troubles: {}, slowestMs: 0 };
    this.#steps.push(step);
    return step;
  }

  async #beThere(person: Person, isKept: boolean): Promise<void> {
    const { name, cookie } = person;
    const ledger = this.#ledgers.get(person) as NoteLedger;
    const send = this.#sender(isKept);
    const ask = async (sent: Sent, expected: number) => {
      const headers = { ...sent.headers, cookie };
      return await this.#askAs(person, send, { ...sent, headers }, expected);
    };
    for (let turn = 0; !this.#isOver; turn++) {
      const me = await ask({ path: "/api/me" }, 200);
      this.#expectText(person, "/api/me", me, `"preferred_username":"${name}"`);
      const state = await ask({ path: "/api/session" }, 200);
      this.#expectText(person, "/api/session", state, '"active":true');
      await ask({ path: "/template/", headers: page }, 200);
      if (name === "admin" && turn % 4 === 0) await ask({ path: "/helm/", headers: page }, 200);
      const text = `${name}, ${isKept ? "kept" : "new"}, ${turn}`;
      ledger.writing(text);
      const made = await ask(
        {
          method: "POST",
          path: "/template/api/notes",
          headers: { "content-type": "application/json" },
          content: JSON.stringify({ text }),
        },
        201,
      );
      // A 502 says nothing of what the service has done; with 503 the request has not got there.
      if (made?.status === 201) ledger.wrote(text, true);
      else if (made?.status === 503) ledger.wrote(text, false);
      if (made?.status !== 201 || turn % 4 === 0) continue;
      const { note } = JSON.parse(made.body) as { note: { id: number } };
      ledger.deleting(text);
      const gone = await ask({ method: "DELETE", path: `/template/api/notes/${note.id}` }, 204);
      if (gone?.status === 204) ledger.deleted(text);
    }
  }

  /** @returns the answer, if there is one */
  async #askAs(
    { name }: Person,
    send: Send,
    sent: Sent,
    expected: number,
  ): Promise<Exchanged | undefined> {
    const before = this.#step;
    const sentAt = performance.now();
    const answer = await send(sent);
    const step = this.#step;
    step.requests++;
    step.slowestMs = Math.max(step.slowestMs, Math.round(performance.now() - sentAt));
    if (sent.method !== undefined) this.#writes++;
    await pause(pauseMs);
    if (!(answer instanceof Error) && answer.status === expected) {
      this.#rightAnswers++;
      return answer;
    }
    this.#rightAnswers = 0;
    const words = answer instanceof Error ? codeOf(answer) : String(answer.status);
    step.troubles[words] = (step.troubles[words] ?? 0) + 1;
    step.firstTroubleAt ??= sentAt;
    step.lastTroubleAt = performance.now();
    const isAllowed =
      answer instanceof Error
        ? before.closesNexus || step.closesNexus
        : isPassing(answer) && answer.headers["retry-after"] !== undefined;
    if (!isAllowed) {
      const body = answer instanceof Error ? answer.message : answer.body.slice(0, 200);
      const where = `${sent.method ?? "GET"} ${sent.path}`;
      this.#addFault(`${step.name}: ${name}, ${where}: ${words} ${body}`);
    }
    return answer instanceof Error ? undefined : answer;
  }

  #expectText({ name }: Person, path: string, answer: Exchanged | undefined, text: string): void {
    if (answer?.status !== 200 || answer.body.includes(text)) return;
    this.#addFault(`${this.#step.name}: ${name}, ${path}: ${answer.body.slice(0, 200)}`);
  }

  async #intrude(isKept: boolean): Promise<void> {
    const send = this.#sender(isKept);
    const requests: Sent[] = [
      { path: "/api/me" },
      { path: "/template/", headers: page },
      { path: "/template/api/notes" },
      { path: "/helm/", headers: page },
      {
        method: "POST",
        path: "/template/api/notes",
        headers: { "content-type": "application/json" },
        content: JSON.stringify({ text: "of an intruder" }),
      },
    ];
    while (!this.#isOver) {
      for (const { what, headers } of [...this.#intruders]) {
        for (const sent of requests) {
          const answer = await send({ ...sent, headers: { ...sent.headers, ...headers } });
          this.#step.refusals++;
          if (answer instanceof Error || isRefusal(answer)) continue;
          const where = `${sent.method ?? "GET"} ${sent.path}`;
          const words = `${answer.status} ${answer.body.slice(0, 200)}`;
          this.#addFault(`${this.#step.name}: ${what} got in, ${where}: ${words}`);
        }
        await pause(pauseMs);
      }
    }
  }

  #sender(isKept: boolean): Send {
    const kept = newAgent(this.#origin, { isKept });
    return ({ method = "GET", path, headers = {}, content }) =>
      exchange(new URL(path, this.#origin), { method, headers, agent: kept, content }).catch(
        (error: Error) => error,
      );
  }

  #addFault(words: string): void {
    if (this.#faults.length < mostFaultsKept) this.#faults.push(words);
  }
}

function describeStep({ name, requests, refusals, troubles, slowestMs, ...step }: Step) {
  const { firstTroubleAt = 0, lastTroubleAt = 0 } = step;
  const troubleMs = Math.round(lastTroubleAt - firstTroubleAt);
  return { step: name, requests, refusals, troubles, troubleMs, slowestMs };
}

function isPassing({ status }: Exchanged): boolean {
  return status === 502 || status === 503;
}

/** Sent away to the sign-in, or told that nobody can be let in at the moment. */
function isRefusal(answer: Exchanged): boolean {
  const { status, headers } = answer;
  const leadsToSignIn = status === 302 && headers.location?.startsWith("/login") === true;
  return leadsToSignIn || status === 401 || status === 403 || isPassing(answer);
}

function codeOf(error: Error): string {
  return (error as NodeJS.ErrnoException).code ?? error.message;
}
