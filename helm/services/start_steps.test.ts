// What happens around a service's start: its preparation, its setting up, and what it is told.
import assert from "node:assert/strict";
import { test } from "node:test";
import { waitFor } from "@hivematrix/lib/wait_for";
import { answering, createManager, makeFolder, service, statusOf, untilState } from "./testing.ts";

test("what a preparation tells is shown while it lasts, and each new part of it logged", async (t) => {
  const gate = createGate();
  const web = await service("web", answering, {
    async prepare({ tell }) {
      tell("downloading it (1 %)");
      tell("downloading it (2 %)");
      await gate.opened;
    },
  });
  const { manager, log } = await createManager(t, [web]);
  await manager.startAll();
  const isTold = async () => {
    const { activity, reason } = await statusOf(manager, "web");
    return activity === "downloading it (2 %)" && reason === activity;
  };
  await waitFor(isTold, { what: "what the preparation tells" });
  gate.open();
  await manager.waitUntilReady();
  assert.equal((await statusOf(manager, "web")).activity, undefined);
  assert.equal(log.lines.filter((line) => line.includes("web: downloading it")).length, 1);
});

test("a preparation is told when its service is stopped", async (t) => {
  let isTold = false;
  const begun = createGate();
  const web = await service("web", answering, {
    prepare: ({ signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => {
          isTold = true;
          reject(new Error("stopped"));
        });
        begun.open();
      }),
  });
  const { manager } = await createManager(t, [web]);
  await manager.startAll();
  await begun.opened;
  await manager.stop("web");
  assert.equal(isTold, true);
});

test("a preparation that is stuck is tried again, one that comes on is not", async (t) => {
  let tries = 0;
  const stuck = await service("stuck", answering, {
    prepare: ({ tell }) => {
      tries++;
      tell("asking somebody who does not answer");
      return new Promise(() => {});
    },
  });
  let slowTries = 0;
  const slow = await service("slow", answering, {
    async prepare({ tell }) {
      slowTries++;
      for (let step = 0; step < 12; step++) {
        tell(`step ${step}`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    },
  });
  const times = { prepareLimitMs: 500, stopGraceMs: 50 };
  const { manager } = await createManager(t, [stuck, slow], { times });
  await manager.startAll();
  await manager.waitUntilReady(["slow"]);
  assert.equal(slowTries, 1);
  const { reason } = await untilState(manager, "stuck", "crash-looping");
  assert.equal(
    reason,
    "nothing was heard of its preparation for 0.5 s, the last was: asking somebody who does not answer",
  );
  assert.ok(tries >= 3);
});

test("the command may be found by the preparation", async (t) => {
  const web = await service("web", answering);
  const { command } = web;
  let isPrepared = false;
  const late = {
    ...web,
    prepare: async () => {
      isPrepared = true;
    },
    command: async () => {
      assert.ok(isPrepared);
      return typeof command === "function" ? await command() : command;
    },
  };
  const { manager } = await createManager(t, [late]);
  await manager.startAll();
  await manager.waitUntilReady();
});

test("a service is set up once before it counts as ready, and once more after its death", async (t) => {
  const states: string[] = [];
  const web = await service("web", answering, {
    settle: async () => {
      states.push((await statusOf(manager, "web")).state);
    },
  });
  const { manager } = await createManager(t, [web]);
  await manager.startAll();
  await manager.waitUntilReady();
  const { pid = 0 } = await statusOf(manager, "web");
  process.kill(pid, "SIGKILL");
  const isNew = async () => {
    const now = await statusOf(manager, "web");
    return now.state === "ready" && now.pid !== pid;
  };
  await waitFor(isNew, { what: "a new process" });
  assert.deepEqual(states, ["starting", "starting"]);
});

test("a service that cannot be set up is ended, and started again until it can", async (t) => {
  let failures = 1;
  const web = await service("web", answering, {
    settle: async () => {
      if (failures-- > 0) throw new Error("Cannot make the realm: 403");
    },
  });
  const { manager, log } = await createManager(t, [web]);
  await manager.startAll();
  await manager.waitUntilReady();
  assert.match(log.lines.join(""), /web died: Cannot make the realm: 403/);
});

test("a service whose setting up hangs can be stopped", async (t) => {
  const started = createGate();
  const web = await service("web", answering, {
    settle: () => {
      started.open();
      return new Promise(() => {});
    },
  });
  const { manager } = await createManager(t, [web]);
  await manager.startAll();
  await started.opened;
  await manager.stop("web");
  assert.equal((await statusOf(manager, "web")).state, "stopped");
});

test("an adopted process is set up too", async (t) => {
  const folder = await makeFolder(t);
  const web = await service("web", answering);
  const first = await createManager(t, [web], { folder });
  await first.manager.startAll();
  await first.manager.waitUntilReady();
  first.manager.close();
  let times = 0;
  const settle = async () => void times++;
  const { manager } = await createManager(t, [{ ...web, settle }], { folder });
  await manager.adopt();
  await manager.startAll();
  await manager.waitUntilReady();
  assert.equal(times, 1);
});

test("what runs with other settings than it has now is started anew, and nothing else", async (t) => {
  const folder = await makeFolder(t);
  const web = await service("web", answering);
  const other = await service("other", answering);
  const first = await createManager(t, [web, other], { folder });
  await first.manager.startAll();
  await first.manager.waitUntilReady();
  const pids = (await first.manager.status()).map(({ pid }) => pid);
  assert.deepEqual(await first.manager.restartOutdated(), []);
  first.manager.close();

  // Also after a Helm that has not started them itself.
  const changed = { ...web, env: { ...web.env, LOG_LEVEL: "DEBUG" } };
  const { manager } = await createManager(t, [changed, other], { folder });
  await manager.adopt();
  assert.deepEqual(await manager.restartOutdated(), ["web"]);
  await manager.waitUntilReady();
  const [webNow, otherNow] = await manager.status();
  assert.notEqual(webNow?.pid, pids[0]);
  assert.equal(otherNow?.pid, pids[1]);
});

test("waiting goes on while something is seen to go on", async (t) => {
  const web = await service("web", answering, {
    async prepare({ tell }) {
      for (let step = 0; step < 15; step++) {
        tell(`step ${step}`);
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    },
  });
  const { manager } = await createManager(t, [web]);
  await manager.startAll();
  await manager.waitUntilReady(undefined, 2500);
});

function createGate(): { readonly opened: Promise<void>; open(): void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}
