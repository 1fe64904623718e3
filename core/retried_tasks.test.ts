import assert from "node:assert/strict";
import { test } from "node:test";
import { waitFor } from "@hivematrix/lib/wait_for";
import { ProviderRefusalError } from "./provider_question.ts";
import { RetriedTasks } from "./retried_tasks.ts";

const fail = () => Promise.reject(new Error("not now"));

test("each task is done once, one of two with the same name", async () => {
  const tasks = new RetriedTasks(2);
  const done: string[] = [];
  for (const name of ["a", "b", "a", "c"]) tasks.add(name, async () => void done.push(name));
  assert.equal(await tasks.run(1000), undefined);
  await tasks.run(1000);
  assert.deepEqual(done, ["a", "b", "c"]);
});

test("a task that fails is done again in the next run, after the others", async () => {
  const tasks = new RetriedTasks(1);
  const done: string[] = [];
  let tries = 0;
  tasks.add("fails once", async () => {
    if (tries++ === 0) throw new Error("not now");
    done.push("fails once");
  });
  tasks.add("first", async () => void done.push("first"));
  assert.match(String(await tasks.run(1000)), /not now/);
  tasks.add("second", async () => void done.push("second"));
  assert.equal(await tasks.run(1000), undefined);
  assert.deepEqual(done, ["first", "fails once", "second"]);
});

test("no more are under way at once than allowed", async () => {
  const tasks = new RetriedTasks(3);
  let underWay = 0;
  let most = 0;
  const ends: (() => void)[] = [];
  for (let i = 0; i < 7; i++) {
    tasks.add(String(i), async () => {
      most = Math.max(most, ++underWay);
      await new Promise<void>((resolve) => ends.push(resolve));
      underWay--;
    });
  }
  const run = tasks.run(1000);
  for (let i = 0; i < 7; i++) {
    await waitFor(() => ends.length > i);
    ends[i]?.();
  }
  await run;
  assert.equal(most, 3);
});

test("what is not begun in time waits for the next run", async () => {
  const tasks = new RetriedTasks(1);
  const done: string[] = [];
  for (const name of ["a", "b"]) tasks.add(name, async () => void done.push(name));
  await tasks.run(-1);
  assert.deepEqual(done, ["a"]);
  await tasks.run(-1);
  assert.deepEqual(done, ["a", "b"]);
});

test("a refusal ends the run, for the others would meet it too, and nothing is forgotten", async () => {
  const tasks = new RetriedTasks(1);
  const done: string[] = [];
  let isRefused = true;
  tasks.add("refused", async () => {
    if (isRefused) throw new ProviderRefusalError("no");
    done.push("refused");
  });
  tasks.add("other", async () => void done.push("other"));
  await assert.rejects(tasks.run(1000), ProviderRefusalError);
  isRefused = false;
  await tasks.run(1000);
  assert.deepEqual(done, ["other", "refused"]);
});

test("what fails for ever is given up on", async () => {
  const tasks = new RetriedTasks(1);
  tasks.add("never", fail);
  for (let i = 0; i < 1000; i++) assert.notEqual(await tasks.run(1000), undefined);
  assert.equal(await tasks.run(1000), undefined);
});
