// One question to the identity provider and its answer, as the reconciler asks them by the hundred.
import { Agent, request } from "undici";

/** The provider did not answer, or with something that says nothing; a later try may succeed. */
export class ProviderAwayError extends Error {
  override readonly name = "ProviderAwayError";
}

/** The provider will not answer until somebody changes something, and the message says what. */
export class ProviderRefusalError extends Error {
  override readonly name = "ProviderRefusalError";
}

export interface Question {
  readonly method: "GET" | "POST";
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

export interface ProviderAnswer {
  readonly statusCode: number;
  /** Its JSON, an object or a list; an empty object for any other answer. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** @throws {ProviderAwayError} without an answer */
export type AskProvider = (url: URL, question: Question) => Promise<ProviderAnswer>;

/** As many questions are under way at once: they must not keep the provider from its work. */
export const questionsAtOnce = 4;

const maxAnswerBytes = 8 * 1024 * 1024;

/** @param timeoutMs for a question and its answer. Default 5 s */
export function openProviderQuestions({ timeoutMs = 5000 } = {}): {
  readonly ask: AskProvider;
  close(): Promise<void>;
} {
  // Connections are kept: a question every two seconds would otherwise be mostly handshakes.
  const agent = new Agent({
    connections: questionsAtOnce,
    maxResponseSize: maxAnswerBytes,
    keepAliveTimeout: 15_000,
  });
  return {
    ask: async (url, question) => {
      try {
        const signal = AbortSignal.timeout(timeoutMs);
        const { statusCode, body } = await request(url, { ...question, dispatcher: agent, signal });
        return { statusCode, body: parse(await body.text()) };
      } catch (error) {
        throw new ProviderAwayError(`it did not answer ${question.method} ${url.pathname}`, {
          cause: error,
        });
      }
    },
    close: () => agent.destroy(),
  };
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
