// The clients of the soak: each kind of request as it goes when all is well, and as it goes when not.
import { once } from "node:events";
import { Agent, type ClientRequest, type IncomingMessage, request } from "node:http";
import type { Socket } from "node:net";

export interface SoakClient {
  /** One request of the mix. @throws {Error} for an answer that is not the expected one */
  send(index: number): Promise<void>;
  /** One WebSocket of the mix, to its end. @throws {Error} as above */
  openSocket(index: number): Promise<void>;
  close(): void;
}

/** @param origin the gateway's @param token a user token */
export function createSoakClient(origin: string, token: string): SoakClient {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const authorization = `Bearer ${token}`;
  const begin = (path: string, headers: Record<string, string> = {}, method = "GET") =>
    request(new URL(path, origin), { method, agent, headers: { authorization, ...headers } }).on(
      "error",
      () => {},
    );

  const expectAnswer = async (status: number, path: string, headers = {}, content?: string) => {
    const sent = begin(path, headers, content === undefined ? "GET" : "POST").end(content);
    const [answer] = (await once(sent, "response")) as [IncomingMessage];
    answer.resume();
    await once(answer, "end");
    if (answer.statusCode !== status) throw new Error(`${path} was ${answer.statusCode}`);
  };
  const abort = async (path: string, afterHead: boolean) => {
    const sent = begin(path).on("error", () => {});
    sent.end();
    if (afterHead) {
      const [answer] = (await once(sent, "response")) as [IncomingMessage];
      answer.on("error", () => {});
      await once(answer, "data");
    } else await new Promise((resolve) => setTimeout(resolve, 5));
    await destroy(sent);
  };
  const abortUpload = async () => {
    const sent = begin("/soak/upload", { "content-length": "100000" }, "POST");
    sent.on("error", () => {}).write("x".repeat(20_000));
    await new Promise((resolve) => setTimeout(resolve, 5));
    await destroy(sent);
  };
  const destroy = async (sent: ClientRequest) => {
    const closed = new Promise((resolve) => sent.once("close", resolve));
    sent.destroy();
    if (!sent.closed) await closed;
  };
  /** Resolves with the socket, or with the status of the refusal. */
  const upgrade = async (path: string, own: Record<string, string> = {}) => {
    const sent = request(new URL(path, origin), {
      headers: {
        authorization,
        connection: "Upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
        ...own,
      },
      agent: false,
    });
    const answered = new Promise<Socket | number>((resolve, reject) => {
      sent.once("upgrade", (_answer, socket) => resolve(socket));
      sent.once("response", (answer) => {
        answer.resume().once("close", () => resolve(answer.statusCode ?? 0));
      });
      sent.on("error", reject);
    });
    sent.end();
    return await answered;
  };
  const expectRefusal = async (status: number, path: string, own: Record<string, string> = {}) => {
    const answered = await upgrade(path, own);
    if (answered === status) return;
    const got = typeof answered === "number" ? `refused with ${answered}` : "accepted";
    throw new Error(`The WebSocket ${path} was ${got}`);
  };
  const openAndClose = async (path: string) => {
    const socket = await upgrade(path);
    if (typeof socket === "number") throw new Error(`The WebSocket was refused: ${socket}`);
    socket.on("error", () => {}).resume();
    const closed = new Promise((resolve) => socket.once("close", resolve));
    if (path === "/soak/echo") {
      socket.write("said");
      await once(socket, "data");
      socket.end();
    }
    if (!socket.closed) await closed;
  };

  const document = { "sec-fetch-dest": "document", "sec-fetch-mode": "navigate" };
  const requests: readonly (() => Promise<void>)[] = [
    ...Array.from({ length: 8 }, () => () => expectAnswer(200, "/soak/json")),
    ...Array.from({ length: 4 }, () => () => expectAnswer(200, "/soak/page", document)),
    () => expectAnswer(200, "/soak/upload", {}, "x".repeat(50_000)),
    () => expectAnswer(404, "/soak/nothing"),
    () => expectAnswer(404, "/nobody/api/x"),
    () => expectAnswer(401, "/soak/api/x", { authorization: "Bearer forged" }),
    () => abort("/soak/never", false),
    () => abort("/soak/begun", true),
    abortUpload,
    () => expectRefusal(403, "/soak/refused"),
    () => expectRefusal(401, "/soak/echo", { authorization: "Bearer forged" }),
    () => expectRefusal(404, "/nobody/api/live"),
  ];
  const sockets: readonly (() => Promise<void>)[] = [
    () => openAndClose("/soak/echo"),
    () => expectRefusal(403, "/soak/refused"),
    () => openAndClose("/soak/cut"),
  ];
  /** The error names what was asked. */
  const run = async (mix: readonly (() => Promise<void>)[], index: number) => {
    const kind = index % mix.length;
    await mix[kind]?.().catch((cause: unknown) => {
      throw new Error(`Kind ${kind} of the mix has failed: ${cause}`, { cause });
    });
  };
  return {
    send: (index) => run(requests, index),
    openSocket: (index) => run(sockets, index),
    close: () => agent.destroy(),
  };
}
