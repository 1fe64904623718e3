/** What the reader of a body gets to see when the upstream fails on the way. */
export interface BodyErrors {
  late(): Error;
  broken(cause: unknown): Error;
}

/**
 * The same response, but whoever reads its body waits no longer than this for each piece of it.
 * The whole may take as long as it likes.
 */
export function guardBody(response: Response, idleTimeoutMs: number, errors: BodyErrors): Response {
  if (response.body === null) return response;
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  // The reader is taken at the first read: while nobody reads, undici frees the connection once
  // the response is forgotten, and it only does so for a stream that is not locked.
  const read = () => {
    reader ??= response.body?.getReader() as ReadableStreamDefaultReader<Uint8Array>;
    return reader.read();
  };
  const cancel = async (reason: unknown) => {
    await (reader === undefined ? response.body?.cancel(reason) : reader.cancel(reason));
  };
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const piece = await within(read(), idleTimeoutMs).catch((error: unknown) => {
          throw errors.broken(error);
        });
        if (piece === undefined) {
          void cancel("late").catch(() => {});
          throw errors.late();
        }
        if (piece.done) controller.close();
        else controller.enqueue(piece.value);
      },
      cancel,
    },
    { highWaterMark: 0 },
  );
  const { status, statusText, headers } = response;
  return new Response(body, { status, statusText, headers });
}

/** @returns `undefined` once the time is out */
async function within<T>(promise: Promise<T>, timeoutMs: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
