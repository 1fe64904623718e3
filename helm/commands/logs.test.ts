import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { appendFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "node:test";
import { waitFor } from "@hivematrix/lib/wait_for";
import { makeInstallation } from "./testing.ts";

const at = (second: number, message: string) =>
  `${JSON.stringify({ time: `2026-11-23T20:41:0${second}.000Z`, level: "info", message })}\n`;

test("the logs of all services come in the order of their times, one service's alone", async (t) => {
  const { checkout, helm } = await makeInstallation(t);
  await mkdir(checkout.logDir, { recursive: true });
  await writeFile(join(checkout.logDir, "core.log"), `${at(1, "a")}${at(4, "d")}  at trace\n`);
  await writeFile(join(checkout.logDir, "nexus.log"), `${at(2, "b")}${at(3, "c")}`);
  const all = await helm("logs");
  assert.deepEqual(
    all.stdout
      .trimEnd()
      .split("\n")
      .map((line) => line.replace(/ {2,}/g, " ")),
    [
      "core 20:41:01 info a",
      "nexus 20:41:02 info b",
      "nexus 20:41:03 info c",
      "core 20:41:04 info d",
      "core at trace",
    ],
  );
  assert.equal((await helm("logs", "nexus", "-n", "1")).stdout, "20:41:03 info  c\n");
  assert.equal((await helm("logs", "nexus", "--json")).stdout, at(2, "b") + at(3, "c"));
  const unknown = await helm("logs", "codex");
  assert.equal(unknown.status, 1);
  assert.match(unknown.stderr, /There is no service "codex", there are: keycloak, core, nexus/);
});

test("a reader who has seen enough (| head) is no failure", async (t) => {
  const { checkout } = await makeInstallation(t);
  await mkdir(checkout.logDir, { recursive: true });
  await writeFile(join(checkout.logDir, "core.log"), at(1, "a").repeat(20_000));
  const child = spawn(join(checkout.root, "scripts/helm"), ["logs", "core", "-n", "20000"]);
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    errors += text;
  });
  child.stdout.once("data", () => child.stdout.destroy());
  const status = await new Promise((resolve) => child.on("exit", resolve));
  assert.deepEqual([status, errors], [0, ""]);
});

test("-f goes on until Ctrl-C", async (t) => {
  const { checkout } = await makeInstallation(t);
  await mkdir(checkout.logDir, { recursive: true });
  const file = join(checkout.logDir, "core.log");
  await writeFile(file, at(1, "old"));
  const child = spawn(join(checkout.root, "scripts/helm"), ["logs", "core", "-f"]);
  t.after(() => child.kill("SIGKILL"));
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    output += text;
  });
  await waitFor(() => output.includes("old"));
  await appendFile(file, at(2, "new"));
  await waitFor(() => output.includes("new"));
  child.kill("SIGINT");
  const status = await new Promise((resolve) => child.on("exit", resolve));
  assert.equal(status, 0);
});
