import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { createLog } from "./log.ts";
import { mountSmallDisk, skipWithoutMount } from "./small_disk_testing.ts";

function startLog(options: { level?: string } = {}) {
  const lines: string[] = [];
  const log = createLog("codex", { level: "debug", ...options, write: (line) => lines.push(line) });
  const last = () => JSON.parse(lines.at(-1) ?? "null");
  return { log, lines, last };
}

test("a line is one JSON object: time, level, service, message, then the fields", () => {
  const { log, lines, last } = startLog();
  log.child({ request_id: "r1" }).info("stored", { count: 3n, url: new URL("http://h/") });
  const { time, ...others } = last();
  assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.deepEqual(others, {
    level: "info",
    service: "codex",
    message: "stored",
    request_id: "r1",
    count: "3",
    url: "http://h/",
  });
  assert.match(lines[0] ?? "", /^\{"time":"[^"]+","level":"info","service":"codex","message":/);
});

test("a field cannot pass for the line's own time, level, service or message", () => {
  const { log, last } = startLog();
  log.warn("real", { message: "forged", level: "info", service: "core", time: "1970" });
  const { time, ...others } = last();
  assert.notEqual(time, "1970");
  assert.deepEqual(others, { level: "warn", service: "codex", message: "real" });
});

test("levels below the chosen one are not written, and Python's names are understood", () => {
  const written = (level: string) => {
    const { log, lines } = startLog({ level });
    for (const each of ["debug", "info", "warn", "error"] as const) log[each](each);
    return lines.map((line) => JSON.parse(line).level);
  };
  assert.deepEqual(written("debug"), ["debug", "info", "warn", "error"]);
  assert.deepEqual(written("INFO"), ["info", "warn", "error"]);
  assert.deepEqual(written("WARNING"), ["warn", "error"]);
  assert.deepEqual(written("CRITICAL"), ["error"]);
  assert.deepEqual(written("nonsense"), ["info", "warn", "error"]);
  assert.deepEqual(written("constructor"), ["info", "warn", "error"]);
});

test("R26: every character of Unicode that is not to be seen is written as its number", () => {
  const { log, lines, last } = startLog();
  let hidden = "";
  for (let code = 0; code <= 0x10ffff; code++) {
    const character = String.fromCodePoint(code);
    if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(character)) hidden += character;
  }
  assert.ok(hidden.length > 200);
  log.info(hidden, { [hidden]: hidden });
  assert.match(lines[0] ?? "", /^[\x20-\x7e]+\n$/);
  assert.equal(last().message, hidden);
  assert.equal(last()[hidden], hidden);
});

test("R26: no text can forge a line, drive a terminal or turn its direction", () => {
  const hostile = fc.string({
    unit: fc.oneof(
      fc.constantFrom(
        "\r",
        "\n",
        "\u001b[2J",
        "\u009b31m",
        "\u007f",
        "\0",
        "\u0085",
        "\u2028",
        "\u202e",
      ),
      fc.string({ unit: "binary", maxLength: 2 }),
    ),
  });
  fc.assert(
    fc.property(hostile, hostile, (text, key) => {
      const { log, lines, last } = startLog();
      log.info(text, { [`x${key}`]: text, error: new Error(text) });
      assert.equal(lines.length, 1);
      assert.match(lines[0] ?? "", /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+\n$/u);
      assert.equal(last().message, text);
      assert.equal(last()[`x${key}`], text);
      assert.equal(last().error.message, text);
    }),
  );
});

test("an error is written with its code, its stack and its causes, and with nothing else of it", () => {
  const { log, last } = startLog();
  const refused = Object.assign(new Error("refused"), { code: "ECONNREFUSED", parameters: ["pw"] });
  const all = new AggregateError([refused], "all failed");
  log.error("cannot store", { error: new TypeError("outer", { cause: all }) });
  const { name, message, stack, cause } = last().error;
  assert.deepEqual([name, message], ["TypeError", "outer"]);
  assert.match(stack, /^TypeError: outer\n +at /);
  assert.equal(cause.message, "all failed");
  assert.equal(cause.errors[0].code, "ECONNREFUSED");
  assert.equal("parameters" in cause.errors[0], false);
});

test("circular values and causes are cut, and values that cannot be written do not throw", () => {
  const { log, last } = startLog();
  const circle: Record<string, unknown> = { name: "circle" };
  circle["self"] = circle;
  const error = new Error("snake");
  error.cause = error;
  log.info("round", { circle, error, twice: [circle["name"], circle["name"]] });
  assert.deepEqual(last().circle, { name: "circle", self: "[circular]" });
  assert.equal(last().error.cause, "[circular]");
  assert.deepEqual(last().twice, ["circle", "circle"]);

  const trap = {
    get field() {
      throw new Error("trap");
    },
  };
  log.info("still here", { trap });
  assert.equal(last().message, "still here");
  assert.equal(last().fields_not_written, "Error: trap");
});

const runOptions = ["--import", "tsx", "--input-type=module", "--eval"];
const inThisFolder = { cwd: import.meta.dirname, encoding: "utf8" } as const;

function runWithLog(code: string) {
  const program = `import { createLog, exitOnFailure } from "./log.ts";
    const log = createLog("codex"); exitOnFailure(log); ${code}`;
  const { status, stdout } = spawnSync(process.execPath, [...runOptions, program], inThisFolder);
  const lines = stdout.split("\n").filter(Boolean);
  return {
    status,
    messages: lines.map((line) => JSON.parse(line).message),
    line: JSON.parse(lines[0] ?? "null"),
  };
}

test("what was logged just before the process ended is written, in order", () => {
  const code = `log.info("a"); log.warn("b"); log.info("c"); process.exit(3)`;
  assert.deepEqual(runWithLog(code).messages, ["a", "b", "c"]);
});

test("a line of trouble does not wait for a turn of the event loop that never ends", () => {
  const code = `log.info("a"); log.error("b"); process.kill(process.pid, "SIGKILL")`;
  assert.deepEqual(runWithLog(code).messages, ["a", "b"]);
});

for (const [what, code] of [
  ["error", `throw new Error("gone wrong")`],
  ["rejection", `Promise.reject(new Error("gone wrong")); setInterval(() => {}, 1000)`],
]) {
  test(`an ${what} that nobody caught ends the process with one line and status 1`, () => {
    const { status, line } = runWithLog(code ?? "");
    assert.equal(status, 1);
    assert.equal(line.message, "gone wrong");
    assert.equal(line.level, "error");
    assert.match(line.error.stack, /Error: gone wrong\n/);
  });
}

test("a disk that was full for a while costs the lines of that while and no others", {
  skip: skipWithoutMount,
}, (t) => {
  const disk = mountSmallDisk(t, 65_536);
  const program = `import { rmSync, writeFileSync } from "node:fs";
    import { createLog } from "./lib/log.ts";
    const log = createLog("codex", { level: "info" });
    log.error("before");
    writeFileSync(process.argv[1], Buffer.alloc(57_344));
    for (let i = 0; i < 100; i++) log.error("x".repeat(200));
    rmSync(process.argv[1]);
    log.error("after");`;
  const output = openSync(join(disk.folder, "out.log"), "a");
  const words = ["--import", "tsx", "--input-type=module", "-e", program];
  const stdio = ["ignore", output, "inherit"] as const;
  const { status } = spawnSync(process.execPath, [...words, join(disk.folder, "filling")], {
    cwd: join(import.meta.dirname, ".."),
    stdio: [...stdio],
  });
  closeSync(output);
  assert.equal(status, 0);
  const text = readFileSync(join(disk.folder, "out.log"), "utf8");
  assert.match(text, /"before"/);
  assert.match(text, /"after"\}\n$/);
  assert.ok(text.length < 20_000, "there was no room for all");
});

test("an error made for people to read is written without its stack", () => {
  const code = `throw Object.assign(new Error("PORT is missing"), { isExpected: true })`;
  const { status, line } = runWithLog(code);
  assert.equal(status, 1);
  assert.equal(line.message, "PORT is missing");
  assert.equal("error" in line, false);
});

test("a service goes on when nobody reads its output any more", async (t) => {
  const program = `import { createLog, exitOnFailure } from "./log.ts";
    const log = createLog("codex"); exitOnFailure(log);
    process.on("message", () => { log.warn("to nobody"); setImmediate(() => process.send("alive")); });
    process.send("ready");`;
  const options = {
    cwd: import.meta.dirname,
    stdio: ["ignore", "pipe", "inherit", "ipc"] as const,
  };
  const child = spawn(process.execPath, [...runOptions, program], {
    cwd: options.cwd,
    stdio: [...options.stdio],
  });
  t.after(() => child.kill("SIGKILL"));
  await once(child, "message");
  child.stdout?.destroy();
  await once(child.stdout ?? child, "close");
  for (const _ of [1, 2, 3]) {
    child.send("log");
    const [answer] = await Promise.race([once(child, "message"), once(child, "exit")]);
    assert.equal(answer, "alive");
  }
});
