import { HttpError } from "@hivematrix/lib/http_error";
import { type Dispatcher, request } from "undici";

/** What the provider says of itself, of which only this is needed here. */
export interface ProviderMetadata {
  /** Whether each of its authorization responses names it (RFC 9207 §3). */
  readonly namesItself: boolean;
}

/** A provider that was changed is known as it is now after this time at most. */
const keptMs = 5 * 60 * 1000;
const timeoutMs = 5000;

/**
 * Reads the provider's metadata (OpenID Connect Discovery §4) when it is first needed, and anew now
 * and then. No endpoint is taken from it: those are settings. But a provider that calls itself
 * something else than what is configured is another provider (mix-up, Discovery §4.3).
 *
 * @returns a function that throws {HttpError} 503 when the metadata cannot be had, 502 when the
 *   issuer is another
 */
export function createMetadataReader(
  issuer: string,
  { url, dispatcher, now = Date.now }: { url: string; dispatcher: Dispatcher; now?: () => number },
): () => Promise<ProviderMetadata> {
  let reading: Promise<ProviderMetadata> | undefined;
  let readAtMs = 0;

  async function read(): Promise<ProviderMetadata> {
    const metadata = await fetchMetadata(url, dispatcher);
    if (metadata["issuer"] !== issuer) {
      throw new HttpError(502, "The sign-in service is not the one that is configured", {
        cause: new Error(`${url} names issuer ${String(metadata["issuer"])} instead of ${issuer}`),
      });
    }
    return { namesItself: metadata["authorization_response_iss_parameter_supported"] === true };
  }

  return () => {
    if (reading !== undefined && now() - readAtMs < keptMs) return reading;
    readAtMs = now();
    const started = read();
    // Nobody has to wait for a failure to grow old.
    started.catch(() => {
      if (reading === started) reading = undefined;
    });
    reading = started;
    return started;
  };
}

async function fetchMetadata(
  url: string,
  dispatcher: Dispatcher,
): Promise<Record<string, unknown>> {
  try {
    const { statusCode, body } = await request(url, {
      headers: { accept: "application/json" },
      dispatcher,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
    });
    const text = await body.text();
    if (statusCode !== 200) throw new Error(`${url} answered ${statusCode}`);
    return (JSON.parse(text) ?? {}) as Record<string, unknown>;
  } catch (cause) {
    throw new HttpError(503, "The sign-in service cannot be reached at the moment", {
      cause,
      headers: { "retry-after": "3" },
    });
  }
}
