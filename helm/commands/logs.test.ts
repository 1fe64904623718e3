import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { appendFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "node:test";
import { waitFor } from "@hivematrix/lib/wait_for";
import { makeConfiguration, makeInstallation } from "./testing.ts";

const at = (second: number, message: string) =>
  `${JSON.stringify({ time: `2026-11-23T20:41:0${second}.000Z`, level: "info", message })}\n`;

test("the logs of all services come in the order of their times, one service's alone", async (t) => {
  const { checkout, helm } = await makeConfiguration(t);
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

test("lines are chosen by level, time, text and request, also of what rotation keeps", async (t) => {
  const { checkout, helm } = await makeConfiguration(t);
  await mkdir(checkout.logDir, { recursive: true });
  const line = (second: number, level: string, fields: object) =>
    `${JSON.stringify({ time: `2026-11-23T20:41:0${second}.000Z`, level, message: "m", ...fields })}\n`;
  const old = line(1, "error", { request_id: "abcdef1234" });
  const warning = line(2, "warn", { path: "/Notes" });
  const info = line(3, "info", { request_id: "abcdef1234" });
  await writeFile(join(checkout.logDir, "core.log.1"), old);
  await writeFile(join(checkout.logDir, "core.log"), warning);
  await writeFile(join(checkout.logDir, "nexus.log"), info);
  const find = async (...words: string[]) => (await helm("logs", "--json", ...words)).stdout;
  assert.equal(await find("--level", "warn"), old + warning);
  assert.equal(await find("--since", "2026-11-23 20:41:02"), warning + info);
  assert.equal(await find("--grep", "/notes"), warning);
  assert.equal(await find("--request", "abcdef"), old + info);
  assert.equal(await find("core", "nexus", "--request", "abcdef", "-n", "1"), info);
  assert.equal(await find("nexus", "--level", "warn"), "");
  const wrong = await helm("logs", "--since", "yesterday");
  assert.equal(wrong.status, 2);
  assert.match(wrong.stderr, /--since is "yesterday": it has to be how long ago/);
});

test("a request is followed through every service that it touched", async (t) => {
  const { checkout, helm } = await makeConfiguration(t);
  await mkdir(checkout.logDir, { recursive: true });
  const write = async (service: string, ms: number, path: string, id = "abcdef1234") => {
    const fields = { request_id: id, method: "GET", path, status: 200, duration_ms: ms };
    const time = new Date(Date.parse("2026-11-23T20:41:01Z") + ms).toISOString();
    const line = JSON.stringify({ time, level: "info", message: "request", ...fields });
    await appendFile(join(checkout.logDir, `${service}.log`), `${line}\n`);
  };
  await write("nexus", 80, "/template/");
  await write("template", 60, "/");
  await write("nexus", 10, "/other/", "abcdef9999");
  const { stdout } = await helm("trace", "abcdef1");
  assert.deepEqual(stdout.replaceAll(/ {2,}/g, " ").trimEnd().split("\n"), [
    "Request abcdef1234",
    "",
    "SERVICE REQUEST STATUS AFTER TOOK",
    `nexus GET /template/ 200 0 ms 80 ms ${"━".repeat(32)}`,
    `template GET / 200 0 ms 60 ms ${"━".repeat(24)}`,
  ]);
  const { spans } = JSON.parse((await helm("trace", "abcdef1", "--json")).stdout);
  assert.equal(spans.length, 2);
  const several = await helm("trace", "abcdef");
  assert.equal(several.status, 1);
  assert.match(
    several.stderr,
    /Cannot trace abcdef: 2 requests begin so, such as abcdef9999, abcdef1234/,
  );
  assert.match((await helm("trace", "ffffffff")).stderr, /no log has a line of it/);
  assert.equal((await helm("trace", "abc")).status, 2);
});

test("-f shows what a filter wants", async (t) => {
  const { checkout } = await makeInstallation(t);
  await mkdir(checkout.logDir, { recursive: true });
  const file = join(checkout.logDir, "core.log");
  await writeFile(file, at(1, "unwanted") + at(2, "wanted: old"));
  const words = ["logs", "core", "-f", "--grep", " wanted"];
  const child = spawn(join(checkout.root, "scripts/helm"), words);
  t.after(() => child.kill("SIGKILL"));
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    output += text;
  });
  await waitFor(() => output.includes("wanted: old"));
  await appendFile(file, at(3, "unwanted too") + at(4, "wanted: new"));
  await waitFor(() => output.includes("wanted: new"));
  assert.equal(output.includes("unwanted"), false, output);
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
