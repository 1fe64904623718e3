import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { findPortHolder } from "./port_holder.ts";

async function listenOn(t: TestContext, host: string) {
  const server = createServer().listen(0, host);
  await once(server, "listening");
  t.after(() => server.close());
  return (server.address() as { port: number }).port;
}

for (const host of ["127.0.0.1", "0.0.0.0", "::1"]) {
  test(`a process that listens on ${host} is found`, async (t) => {
    const holder = await findPortHolder(await listenOn(t, host));
    assert.equal(holder?.pid, process.pid);
    assert.match(holder?.command ?? "", /node.*port_holder\.test\.ts/);
  });
}

test("another process is named with its program and script, not with its arguments", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "hivematrix-holder-"));
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20 }));
  const script = join(folder, "holder.mjs");
  writeFileSync(
    script,
    `import { createServer } from "node:net";
     const server = createServer().listen(0, "127.0.0.1", () => console.log(server.address().port));`,
  );
  const child = spawn(process.execPath, [script, "--password=hunter2"]);
  t.after(() => child.kill("SIGKILL"));
  const [port] = await once(child.stdout, "data");
  const holder = await findPortHolder(Number(port));
  assert.deepEqual(holder, { pid: child.pid, command: `${process.execPath} ${script}` });
});

test("nobody is found at a port where nobody listens, though somebody is connected from it", async (t) => {
  const port = await listenOn(t, "127.0.0.1");
  const client = connect(port, "127.0.0.1");
  await once(client, "connect");
  t.after(() => client.destroy());
  assert.equal(await findPortHolder(client.localPort ?? 0), undefined);
  assert.equal(await findPortHolder(0), undefined);
});
