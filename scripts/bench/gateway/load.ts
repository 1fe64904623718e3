// For the gateway's benchmark: requests over a fixed number of connections, each sent as soon as the
// one before it is answered.
import { Pool } from "undici";

export interface Load {
  /** From sending to the last byte, in ms, sorted. */
  readonly durationsMs: Float64Array;
  readonly seconds: number;
  readonly bytes: number;
}

export interface LoadOptions {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly requests: number;
  readonly connections: number;
}

/** @throws {Error} for any answer but 200, so that no gateway is quick at refusing */
export async function sendLoad(options: LoadOptions): Promise<Load> {
  const { origin, pathname } = new URL(options.url);
  const pool = new Pool(origin, { connections: options.connections, pipelining: 1 });
  const durationsMs = new Float64Array(options.requests);
  let next = 0;
  let bytes = 0;
  const send = (index: number) =>
    new Promise<void>((resolve, reject) => {
      const startedAt = performance.now();
      pool.dispatch(
        { path: pathname, method: "GET", headers: options.headers },
        {
          onRequestStart() {},
          onResponseStart(_controller, status) {
            if (status !== 200) reject(new Error(`${options.url} answered ${status}`));
          },
          onResponseData(_controller, chunk) {
            bytes += chunk.length;
          },
          onResponseEnd() {
            durationsMs[index] = performance.now() - startedAt;
            resolve();
          },
          onResponseError(_controller, error) {
            reject(error);
          },
        },
      );
    });
  const work = async () => {
    while (next < options.requests) await send(next++);
  };
  const startedAt = performance.now();
  try {
    await Promise.all(Array.from({ length: options.connections }, work));
  } finally {
    await pool.destroy();
  }
  const seconds = (performance.now() - startedAt) / 1000;
  return { durationsMs: durationsMs.sort(), seconds, bytes };
}
