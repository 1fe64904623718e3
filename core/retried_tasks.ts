import { ProviderRefusalError } from "./provider_question.ts";

type Task = () => Promise<void>;

/** Tried once in a round, so for half an hour at least. */
const maxTries = 1000;

/** Tasks of which each is done once, some at a time, and again in a later run if it fails. */
export class RetriedTasks {
  readonly #tasks = new Map<string, { readonly task: Task; readonly tries: number }>();
  readonly #atOnce: number;

  constructor(atOnce: number) {
    this.#atOnce = atOnce;
  }

  /** @param name one of two tasks with the same name is enough */
  add(name: string, task: Task): void {
    if (!this.#tasks.has(name)) this.#tasks.set(name, { task, tries: 0 });
  }

  /**
   * Tries each task once. What is not begun within `withinMs` waits for the next run.
   *
   * @returns the first failure
   * @throws {ProviderRefusalError} which the other tasks would meet too
   */
  async run(withinMs: number): Promise<unknown> {
    const endAt = performance.now() + withinMs;
    const begun = [...this.#tasks.keys()].values();
    let failure: unknown;
    const work = async () => {
      for (const name of begun) {
        const error = await this.#try(name);
        failure ??= error;
        if (failure instanceof ProviderRefusalError || performance.now() > endAt) return;
      }
    };
    await Promise.all(Array.from({ length: this.#atOnce }, work));
    if (failure instanceof ProviderRefusalError) throw failure;
    return failure;
  }

  /** A failed task comes last, so that it holds up no other. */
  async #try(name: string): Promise<unknown> {
    const found = this.#tasks.get(name);
    this.#tasks.delete(name);
    if (found === undefined) return undefined;
    const { task, tries } = found;
    try {
      await task();
      return undefined;
    } catch (error) {
      if (tries + 1 < maxTries && !this.#tasks.has(name)) {
        this.#tasks.set(name, { task, tries: tries + 1 });
      }
      return error;
    }
  }
}
