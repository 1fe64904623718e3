import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:net";
import { test } from "node:test";
import { defer } from "@hivematrix/lib/serve_testing";
import { waitFor } from "@hivematrix/lib/wait_for";
import { Client, Pool, request } from "undici";
import { type NexusProcess, processSettings, startNexusProcess } from "./process_testing.ts";
import { startUpstream, type TestUpstream } from "./upstream_testing.ts";

type Test = Parameters<typeof startUpstream>[0];

/** Anything below this is forwarded for everybody, so that no session is needed. */
const openPath = "/keycloak/realms/hivematrix/x";

/** A gateway of several processes, with a provider that answers as the test likes. */
async function startProcesses(
  t: Test,
  processes = 2,
): Promise<NexusProcess & { upstream: TestUpstream }> {
  const upstream = await startUpstream(t);
  const nexus = startNexusProcess(t, {
    ...(await processSettings()),
    KEYCLOAK_BACKEND_URL: upstream.url,
    PROCESSES: String(processes),
  });
  await nexus.listening();
  return { ...nexus, upstream };
}

/** Whether nobody listens any more. */
async function isClosed(origin: string): Promise<boolean> {
  const { hostname, port } = new URL(origin);
  const socket = connect(Number(port), hostname);
  try {
    await once(socket, "connect");
    return false;
  } catch {
    return true;
  } finally {
    socket.destroy();
  }
}

const messagesOf = ({ lines }: NexusProcess) => lines().map(({ message }) => message);

/** Begins a request whose answer the provider keeps back until it is told to go on. */
async function beginSlow({ origin, upstream }: { origin: string; upstream: TestUpstream }) {
  const { promise: goesOn, resolve: goOn } = defer();
  const { promise: hasBegun, resolve: begin } = defer();
  upstream.answer(async (_incoming, outgoing) => {
    begin();
    await goesOn;
    outgoing.end("at last");
  });
  const answer = request(`${origin}${openPath}`).then(({ body }) => body.text());
  answer.catch(() => {});
  await hasBegun;
  return { answer, goOn };
}

test("several processes say once where they are, are healthy together, and end together", async (t) => {
  const env = { ...(await processSettings()), PROCESSES: "3" };
  const nexus = startNexusProcess(t, env);
  const answers: number[] = [];
  const askAll = async () => {
    const { statusCode, body } = await request(`${nexus.origin}/health`, { reset: true });
    await body.dump();
    answers.push(statusCode);
    return statusCode === 200;
  };
  await waitFor(() => askAll().catch(() => false), { timeoutMs: 60_000, what: "health" });
  // The first one listens before the others, and says for all that they have not started.
  assert.ok(answers.slice(0, -1).every((status) => status === 503));
  assert.equal(nexus.workerPids().length, 3);
  await nexus.listening();
  assert.equal(nexus.lines().find(({ message }) => message === "listening")?.["processes"], 3);
  nexus.child.kill("SIGTERM");
  assert.deepEqual(await nexus.exited, [0, null]);
  const messages = messagesOf(nexus);
  for (const message of ["listening", "stopping", "stopped"]) {
    assert.equal(messages.filter((each) => each === message).length, 1, nexus.output());
  }
});

test("a signal to all processes at once, as a terminal sends it, lets what is under way finish", async (t) => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    const nexus = await startProcesses(t);
    const { answer, goOn } = await beginSlow(nexus);
    process.kill(-(nexus.child.pid ?? 0), signal);
    await waitFor(() => messagesOf(nexus).includes("stopping"));
    await waitFor(() => isClosed(nexus.origin));
    goOn();
    assert.equal(await answer, "at last");
    assert.deepEqual(await nexus.exited, [0, null]);
    assert.doesNotMatch(nexus.output(), /"level":"error"|takes its place/);
  }
});

test("all processes write whole lines to the one log", async (t) => {
  const nexus = await startProcesses(t, 3);
  const pool = new Pool(nexus.origin, { connections: 12 });
  t.after(() => pool.destroy());
  const path = (i: number) => `${openPath}/${i}/${"x".repeat(2000)}`;
  const numbers = Array.from({ length: 600 }, (_, i) => i);
  await Promise.all(
    numbers.map(async (i) => {
      const { body } = await pool.request({ method: "GET", path: path(i) });
      await body.dump();
    }),
  );
  nexus.child.kill("SIGTERM");
  await nexus.exited;
  // Each line is JSON, or this throws.
  const paths = nexus.lines().flatMap((line) => (line.message === "request" ? line["path"] : []));
  assert.deepEqual(new Set(paths), new Set(numbers.map(path)));
  assert.equal(paths.length, numbers.length);
});

test("a process that dies is replaced, and the others go on meanwhile", async (t) => {
  const nexus = await startProcesses(t);
  const before = nexus.workerPids();
  // Connections are handed out in turn, so each process has one of these.
  const slow = [await beginSlow(nexus), await beginSlow(nexus)];
  const [killed = 0] = before;
  process.kill(killed, "SIGKILL");
  await waitFor(() => nexus.output().includes("another takes its place"));
  const { statusCode, body } = await request(`${nexus.origin}/health`, { reset: true });
  await body.dump();
  assert.equal(statusCode, 200);
  for (const { goOn } of slow) goOn();
  const ends = await Promise.allSettled(slow.map(({ answer }) => answer));
  assert.deepEqual(ends.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  const line = nexus.lines().find(({ message }) => message.includes("takes its place"));
  assert.equal(line?.["pid"], killed);
  assert.equal(line?.["ending"], "killed by SIGKILL");
  // Two that answer, one after the other, are two processes.
  await waitFor(() => nexus.workerPids().length === 2, { timeoutMs: 30_000 });
  assert.equal(nexus.workerPids().filter((pid) => before.includes(pid)).length, 1);
});

test("a connection that was on its way to a process that dies goes to another one", async (t) => {
  const nexus = await startProcesses(t);
  const [stopped = 0] = nexus.workerPids();
  process.kill(stopped, "SIGSTOP");
  const answers = [0, 1].map(async () => {
    const options = { reset: true, headersTimeout: 20_000 };
    const { statusCode, body } = await request(nexus.origin + openPath, options);
    await body.dump();
    return statusCode;
  });
  // The other one answers what comes to it.
  assert.equal(await Promise.race(answers), 200);
  process.kill(stopped, "SIGKILL");
  assert.deepEqual(await Promise.all(answers), [200, 200]);
});

test("when the process that keeps the others is killed, they finish what is under way and end", async (t) => {
  const nexus = await startProcesses(t);
  const { answer, goOn } = await beginSlow(nexus);
  nexus.child.kill("SIGKILL");
  await waitFor(() => isClosed(nexus.origin));
  goOn();
  assert.equal(await answer, "at last");
  // This waits for whoever holds the output, so for the workers too.
  assert.deepEqual(await nexus.exited, [null, "SIGKILL"]);
});

test("a port that is taken is said once, with who has it, and ends the start", async (t) => {
  const env = await processSettings();
  const server = createServer().listen(Number(env["PORT"]), "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const nexus = startNexusProcess(t, { ...env, PROCESSES: "3" });
  assert.deepEqual(await nexus.exited, [1, null]);
  assert.equal(nexus.lines().length, 1, nexus.output());
  assert.match(
    nexus.output(),
    new RegExp(`port ${env["PORT"]} is taken by process ${process.pid}`),
  );
});

test("a hangup, by which certificates are read anew, ends nobody", async (t) => {
  const nexus = await startProcesses(t);
  const before = nexus.workerPids();
  process.kill(-(nexus.child.pid ?? 0), "SIGHUP");
  // Each of them, for connections are handed out in turn.
  for (let i = 0; i < 4; i++) {
    const { statusCode, body } = await request(`${nexus.origin}/health`, { reset: true });
    await body.dump();
    assert.equal(statusCode, 200);
  }
  assert.deepEqual(nexus.workerPids(), before);
});

test("R1: of many uses of one sign-in attempt, which reach all processes at once, one is the first", async (t) => {
  const nexus = await startProcesses(t);
  const { cookie, callback } = await beginSignIn(nexus.origin);
  const statuses = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const { statusCode, body } = await request(callback, { headers: { cookie }, reset: true });
      const page = await body.text();
      assert.equal(statusCode === 400, page.includes("no longer works"), page);
      return statusCode;
    }),
  );
  // The first one goes on to the provider, which here gives no tokens.
  assert.equal(statuses.filter((status) => status !== 400).length, 1, String(statuses));
});

test("R1, R25: what nobody can say to be unused is refused: the keeping process hangs", async (t) => {
  const nexus = await startProcesses(t);
  const client = new Client(nexus.origin);
  t.after(() => client.destroy());
  const { cookie, callback } = await beginSignIn(nexus.origin);
  const get = async (path: string) => {
    const { statusCode, body } = await client.request({ method: "GET", path, headers: { cookie } });
    await body.dump();
    return statusCode;
  };
  assert.equal(await get("/robots.txt"), 200);
  nexus.child.kill("SIGSTOP");
  const { pathname, search } = new URL(callback);
  assert.equal(await get(pathname + search), 503);
  assert.equal(await get("/health"), 503);
  nexus.child.kill("SIGCONT");
  assert.equal(await get("/health"), 200);
  const reached = nexus.upstream.requests.map(({ target }) => target);
  assert.ok(!reached.some((target) => target.endsWith("/token")), String(reached));
});

/** What a browser has once it is at the provider's login page. */
async function beginSignIn(origin: string) {
  const { headers, body } = await request(`${origin}/login`, { reset: true });
  await body.dump();
  const cookie = String(headers["set-cookie"]).split(";", 1)[0] ?? "";
  const state = new URL(String(headers["location"])).searchParams.get("state");
  return { cookie, callback: `${origin}/keycloak-callback?state=${state}&code=x` };
}
