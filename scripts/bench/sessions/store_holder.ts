// A MemorySessionStore in a process of its own, that each POST fills with `count` sessions more.
import { createServer, type IncomingMessage } from "node:http";
import { json } from "node:stream/consumers";
import { MemorySessionStore } from "../../../core/memory_session_store.ts";
import { makePerson, makeSignIn } from "./people.ts";

const store = new MemorySessionStore();
let created = 0;

createServer(async (incoming, outgoing) => {
  if (incoming.method === "POST") await fill(incoming);
  outgoing.end("{}");
}).listen(Number(process.env["PORT"]), "127.0.0.1");

async function fill(incoming: IncomingMessage): Promise<void> {
  const { count = 0 } = (await json(incoming)) as Record<string, number>;
  for (let i = 0; i < count; i++) await createOne(created++);
}

async function createOne(number: number): Promise<void> {
  // Texts of their own, as they come over HTTP.
  const sent = JSON.stringify({ person: makePerson(number), signIn: makeSignIn(number) });
  const { person, signIn } = JSON.parse(sent) as Sent;
  const { sid, refresh_token: refreshToken, user_agent: userAgent, address } = signIn;
  const user = { ...person, permission_level: "technician" } as const;
  await store.create(user, 3600, { sid, refreshToken }, { userAgent, address });
}

interface Sent {
  readonly person: ReturnType<typeof makePerson>;
  readonly signIn: ReturnType<typeof makeSignIn>;
}
