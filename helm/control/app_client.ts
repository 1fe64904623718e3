import { request } from "node:http";
import { createInterface } from "node:readline";
import type { Checkout } from "../config/checkout.ts";
import type { OperationRequest } from "../install/install_manager.ts";
import type { OperationStatus } from "../install/operation.ts";
import { ControlError } from "./control_client.ts";
import { type DaemonRecord, readLiveDaemon } from "./daemon_file.ts";

/**
 * Has the daemon carry out an operation on an app, and hears how it goes. It goes on when whoever
 * listens is gone.
 *
 * @param say gets each line of output
 * @throws {ControlError} for what is refused at once; how it ended is in the status
 */
export async function runOperation(
  checkout: Checkout,
  wanted: OperationRequest,
  say: (line: string) => void,
): Promise<OperationStatus> {
  const daemon = await readLiveDaemon(checkout);
  if (daemon === undefined) {
    throw new ControlError(
      'Helm is not running, and it is Helm that does this: start it with "helm up --detach"',
      false,
    );
  }
  let status: OperationStatus | undefined;
  const { id } = await begin(daemon, wanted);
  await ask(daemon, "GET", `/control/apps/operations/${id}/output`, undefined, (line) => {
    const part = JSON.parse(line) as { line?: string; status?: OperationStatus };
    if (part.line !== undefined) say(part.line);
    status = part.status ?? status;
  });
  if (status !== undefined) return status;
  throw new ControlError(
    `Helm (process ${daemon.pid}) ended before ${wanted.kind} was done; what was begun is undone or finished when it starts again`,
    false,
  );
}

async function begin(daemon: DaemonRecord, wanted: OperationRequest): Promise<OperationStatus> {
  let text = "";
  await ask(daemon, "POST", "/control/apps/operations", wanted, (line) => {
    text += line;
  });
  return JSON.parse(text) as OperationStatus;
}

async function ask(
  { pid, port, token }: DaemonRecord,
  method: string,
  path: string,
  body: object | undefined,
  onLine: (line: string) => void,
): Promise<void> {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  await new Promise<void>((resolve, reject) => {
    const gone = (error: Error) =>
      reject(
        new ControlError(`Helm (process ${pid}) does not answer: ${error.message}`, false, error),
      );
    const options = { host: "127.0.0.1", port, path, method, headers, agent: false };
    const outgoing = request(options, (response) => {
      const { statusCode = 0 } = response;
      const isFine = statusCode >= 200 && statusCode < 300;
      let refusal = "";
      const lines = createInterface({ input: response });
      lines.on("line", (line) => {
        if (isFine) onLine(line);
        else refusal += line;
      });
      lines.on("close", () => {
        if (isFine) return resolve();
        const { detail = `Helm answered ${statusCode}` } = JSON.parse(refusal || "{}");
        reject(new ControlError(detail, true));
      });
      // Cut off, it has said all that it could; the caller sees that the end is missing.
      response.on("error", () => resolve());
      lines.on("error", () => resolve());
    });
    outgoing.on("error", gone);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
