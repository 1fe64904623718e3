// Core's endpoints as its callers use them, straight at its port: whoever asks here is no gateway.
import { request as httpRequest } from "node:http";
import { text } from "node:stream/consumers";

/** Longer than Core takes for anything (an end waits up to 10 s for other Cores), and any pause. */
const timeoutMs = 25_000;

export interface CoreCall {
  readonly method: "POST" | "DELETE";
  readonly path: string;
  readonly authorization?: string;
  readonly json?: object;
  readonly form?: Readonly<Record<string, string>>;
}

/**
 * @param onAnswer with the status as soon as it is known, before anything else can happen
 * @returns status 0 when there was no answer
 */
export function askCore(
  port: number,
  { method, path, authorization, json, form }: CoreCall,
  onAnswer: (status: number) => void = () => {},
): Promise<{ status: number; body: string }> {
  const body = form === undefined ? JSON.stringify(json) : new URLSearchParams(form).toString();
  const type = form === undefined ? "application/json" : "application/x-www-form-urlencoded";
  const sent = httpRequest({
    host: "127.0.0.1",
    port,
    method,
    path,
    agent: false,
    headers: {
      ...(authorization === undefined ? {} : { authorization }),
      ...(body === undefined ? {} : { "content-type": type }),
    },
  });
  return new Promise((resolve) => {
    const timer = setTimeout(() => sent.destroy(), timeoutMs);
    const finish = (status: number, answer: string) => {
      clearTimeout(timer);
      resolve({ status, body: answer });
    };
    sent.once("error", () => finish(0, ""));
    sent.once("response", (response) => {
      const { statusCode = 0 } = response;
      onAnswer(statusCode);
      text(response).then(
        (answer) => finish(statusCode, answer),
        () => finish(statusCode, ""),
      );
    });
    sent.end(body);
  });
}
