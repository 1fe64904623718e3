import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { createServer } from "node:net";
import test, { type TestContext } from "node:test";
import { hasOpenssl } from "./certificate.ts";
import { decideNexusListening } from "./nexus_listening.ts";
import { nextFreePort } from "./port_probe.ts";

const bindAddress = "127.0.0.1";

test("TLS on 443 where that can be had, with a redirect from 80, 8000 or nowhere", async (t) => {
  if (!(await hasOpenssl())) return t.skip("no openssl on this machine");
  const portOffset = (await nextFreePort(randomInt(20_000, 30_000))) - 443;
  const wish = { portOffset, bindAddress, tls: undefined };
  const secure = { port: portOffset + 443, tls: true };
  for (const redirectPort of [portOffset + 80, portOffset + 8000, 0]) {
    assert.deepEqual(await decideNexusListening(wish), { ...secure, redirectPort });
    if (redirectPort !== 0) await takePort(t, redirectPort);
  }
});

test("plain HTTP on 8000 with one line of reason where 443 is taken", async (t) => {
  const port = await takePort(t);
  const portOffset = port - 443;
  const decided = await decideNexusListening({ portOffset, bindAddress, tls: undefined });
  assert.deepEqual([decided.port, decided.tls], [portOffset + 8000, false]);
  const reason = new RegExp(
    `^Plain HTTP on port ${portOffset + 8000}, .*: port ${port} is taken by`,
  );
  assert.match(decided.note ?? "", reason);
});

test("plain HTTP without a word where that was asked for", async () => {
  const wish = { portOffset: 100, bindAddress, tls: false };
  assert.deepEqual(await decideNexusListening(wish), { port: 8100, tls: false });
});

test("TLS that was asked for and cannot be had is an error", async (t) => {
  const portOffset = (await takePort(t)) - 443;
  const wish = { portOffset, bindAddress, tls: true };
  await assert.rejects(decideNexusListening(wish), /^Error: Cannot use TLS: port \d+ is taken by/);
});

async function takePort(t: TestContext, wanted?: number): Promise<number> {
  const server = createServer();
  const port = wanted ?? (await nextFreePort(randomInt(20_000, 30_000)));
  await new Promise<void>((resolve) => server.listen(port, bindAddress, resolve));
  t.after(() => server.close());
  return port;
}
