import { randomBytes } from "node:crypto";
import { EventEmitter } from "node:events";
import type { OperationKind } from "./journal.ts";

export type OperationState = "waiting" | "running" | "succeeded" | "failed";

/** What people and programs get to know of an operation. */
export interface OperationStatus {
  readonly id: string;
  readonly kind: OperationKind;
  readonly app: string;
  readonly state: OperationState;
  /** ISO 8601 */
  readonly startedAt: string;
  readonly endedAt?: string;
  readonly error?: string;
  /** Apps that have to be installed first, in that order. */
  readonly missing?: readonly string[];
  /** It failed because of changes made by hand, and can be told to put them aside. */
  readonly forcible?: boolean;
}

export type OperationRemedy = Pick<OperationStatus, "missing" | "forcible">;

/** An install script that talks without end must not fill the memory; its log has everything. */
const maxLines = 5000;

/** Something that is done with an app: who watches it sees all that it has said, from the beginning. */
export class Operation {
  readonly id = randomBytes(6).toString("hex");
  readonly kind: OperationKind;
  readonly app: string;
  readonly #startedAt = new Date();
  readonly #changes = new EventEmitter().setMaxListeners(0);
  readonly #lines: string[] = [];
  #dropped = 0;
  #state: OperationState = "waiting";
  #endedAt: Date | undefined;
  #error: string | undefined;
  #remedy: OperationRemedy = {};

  constructor(kind: OperationKind, app: string) {
    this.kind = kind;
    this.app = app;
  }

  get status(): OperationStatus {
    return {
      id: this.id,
      kind: this.kind,
      app: this.app,
      state: this.#state,
      startedAt: this.#startedAt.toISOString(),
      ...(this.#endedAt !== undefined && { endedAt: this.#endedAt.toISOString() }),
      ...(this.#error !== undefined && { error: this.#error }),
      ...this.#remedy,
    };
  }

  get isOver(): boolean {
    return this.#endedAt !== undefined;
  }

  /** The lines from the `from`th on. @returns them, and the number of the next one */
  linesFrom(from: number): { readonly lines: readonly string[]; readonly next: number } {
    const next = this.#dropped + this.#lines.length;
    return { lines: this.#lines.slice(Math.max(0, from - this.#dropped)), next };
  }

  say(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length > maxLines) {
      this.#lines.shift();
      this.#dropped++;
    }
    this.#changes.emit("change");
  }

  begin(): void {
    this.#state = "running";
    this.#changes.emit("change");
  }

  succeed(): void {
    this.#end("succeeded");
  }

  fail(error: string, remedy: OperationRemedy = {}): void {
    this.#error = error;
    this.#remedy = remedy;
    this.#end("failed");
  }

  /** @returns a function that ends the listening */
  onChange(listener: () => void): () => void {
    this.#changes.on("change", listener);
    return () => this.#changes.off("change", listener);
  }

  #end(state: OperationState): void {
    this.#state = state;
    this.#endedAt = new Date();
    this.#changes.emit("change");
  }
}
