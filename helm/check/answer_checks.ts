import { connect } from "node:net";
import { networkInterfaces } from "node:os";
import { type Finding, failed, notTried, ok } from "./finding.ts";
import type { Subject } from "./subject.ts";

/** 401 and 404 count as alive for services that have none (design §6). */
export async function checkHealth({ probe }: Subject): Promise<Finding> {
  const { status } = await probe.get("/health");
  if (status === 401 || status === 404) {
    return ok(`${status}, which counts as alive; with a /health Helm would know more`);
  }
  if (status === 200) return ok("200");
  return failed(`it answers ${status}`, 'see what is failing in its log ("helm logs")');
}

/** Only Nexus is for others (design §1): a service believes the headers of whoever reaches it. */
export async function checkListening({ url }: Subject): Promise<Finding> {
  const port = Number(new URL(url).port);
  const others = otherAddresses();
  if (others.length === 0) return notTried("this machine has no other address to try it at");
  for (const address of others) {
    if (!(await accepts(address, port))) continue;
    const remedy = 'listen on 127.0.0.1, as lib\'s serve does (in Flask host="127.0.0.1")';
    return failed(`port ${port} is open at ${address} too`, remedy);
  }
  return ok(
    `port ${port} is closed at ${others.length === 1 ? others[0] : `${others.length} other addresses`}`,
  );
}

function otherAddresses(): string[] {
  const own = Object.values(networkInterfaces()).flatMap((addresses = []) => addresses);
  // Those of one link need its name, and reach nobody else.
  const outside = own.filter(({ internal, address }) => !internal && !/^fe80:/i.test(address));
  // On Linux all of 127/8 is this machine; only what listens everywhere answers at another of them.
  const within = process.platform === "linux" ? ["127.0.0.2"] : [];
  return [...within, ...outside.map(({ address }) => address)];
}

async function accepts(host: string, port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1000 });
    const settle = (isOpen: boolean) => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.on("connect", () => settle(true));
    socket.on("timeout", () => settle(false));
    socket.on("error", () => settle(false));
  });
}

/** What no server should fail at: a path that is no UTF-8, one with a NUL, a query of the same kind. */
const oddPaths = ["/%E0%A4%A", "/%00", "/?page=%00&id='\"%3Cx%3E"];

const traces: readonly RegExp[] = [
  /Traceback \(most recent call last\)/,
  /^\s+at .+:\d+:\d+\)?\s*$/m,
  /\bFile &?[^\n]{1,200}, line \d+/,
  /node:internal\/|Werkzeug Debugger/,
];

/** Bad input gets a clear 4xx and never a stack trace (design §7); looks at all answers of the check. */
export async function checkErrors({ checkout, probe, tokens }: Subject): Promise<Finding> {
  const token = "problem" in tokens ? undefined : tokens.own;
  for (const path of oddPaths) await probe.get(path, { token, accept: "text/html" });
  const isTrace = (body: string) =>
    traces.some((trace) => trace.test(body)) || body.includes(checkout.root);
  const telling = probe.answers.find(({ status, body }) => status >= 400 && isTrace(body));
  if (telling !== undefined) {
    return failed(
      `GET ${telling.path} (${telling.status}) shows a stack trace or a path of this machine`,
      "answer errors as lib/error_response.ts does; in Flask, leave debug off",
    );
  }
  const broken = probe.answers.find(({ path, status }) => oddPaths.includes(path) && status >= 500);
  if (broken !== undefined) {
    const remedy = 'check what comes from outside where it enters; the log says why ("helm logs")';
    return failed(`GET ${broken.path} answers ${broken.status}; bad input is a 4xx`, remedy);
  }
  const errors = probe.answers.filter(({ status }) => status >= 400).length;
  return ok(`none in ${errors} error answers`);
}
