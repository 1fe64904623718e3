import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { lstat, readdir, stat } from "node:fs/promises";
import path from "node:path";
import test, { after } from "node:test";
import { promisify } from "node:util";
import { pollUntil } from "../services/pause.ts";
import { createManager, statusOf, survivorsOf } from "../services/testing.ts";
import { postgresDefinition } from "./embedded_server.ts";
import {
  isRoot,
  makeOpenFolder,
  onlyAsRoot,
  startEmbeddedServer,
  superuserPassword,
} from "./testing.ts";

/** For the tests to which it is all the same how the data folder was made. */
const shared = await startEmbeddedServer({ after });

async function sharedAndReady() {
  await shared.manager.startAll();
  await shared.manager.waitUntilReady();
  return shared;
}

test("a fresh server answers, on loopback only, with the settings that were asked for", async () => {
  const { admin } = await sharedAndReady();
  const names = [
    "listen_addresses",
    "unix_socket_directories",
    "data_checksums",
    "server_encoding",
    "shared_buffers",
    "io_method",
    "max_connections",
    "password_encryption",
  ];
  const rows = await admin`
    select name, setting from pg_settings where name in ${admin(names)} order by name`;
  assert.deepEqual(Object.fromEntries(rows.map(({ name, setting }) => [name, setting])), {
    data_checksums: "on",
    io_method: "sync",
    listen_addresses: "127.0.0.1",
    max_connections: "200",
    password_encryption: "scram-sha-256",
    server_encoding: "UTF8",
    shared_buffers: "4096", // times 8 kB
    unix_socket_directories: "",
  });
  const [word] = await admin`select upper('é') as upper, 'Zebra' < 'apple' as is_byte_order`;
  assert.deepEqual({ ...word }, { upper: "É", is_byte_order: true });
});

test("nobody gets in without the right password", async () => {
  const { connect } = await sharedAndReady();
  const login = { user: "postgres", database: "postgres" };
  await assert.rejects(connect({ ...login, password: "wrong" })`select 1`, { code: "28P01" });
  await assert.rejects(connect({ ...login, password: "" })`select 1`);
});

test("after kill -9 it comes back by itself with all that was committed", async () => {
  const { admin, manager } = await sharedAndReady();
  await admin`create table kept (word text)`;
  await admin`insert into kept values ('committed')`;
  const { pid } = await statusOf(manager, "postgres");
  process.kill(pid ?? 0, "SIGKILL");
  const isBack = async () => {
    const now = await statusOf(manager, "postgres");
    return now.state === "ready" && now.pid !== pid;
  };
  assert.ok(await pollUntil(isBack, { timeoutMs: 20_000 }));
  const [row] = await admin`select word from kept`.catch(() => admin`select word from kept`);
  assert.equal(row?.["word"], "committed");
});

test("a stop ends the server and all its processes although a client is connected", async () => {
  const { admin, manager } = await sharedAndReady();
  const [backend] = await admin`select pg_backend_pid() as pid`;
  const { pid } = await statusOf(manager, "postgres");
  await manager.stop("postgres");
  assert.deepEqual(await survivorsOf([pid, backend?.["pid"]]), []);
});

test("R31: the superuser's password is in no command line, log or readable file", async (t) => {
  const folder = await makeOpenFolder(t);
  const seen = new Set<string>();
  const looking = lookAtCommandLines(seen);
  const server = await startEmbeddedServer(t, { dataDir: path.join(folder, "postgres") });
  await server.admin`select 1`;
  await looking.stop();
  const lines = [...seen].filter((line) => line.includes(server.dataDir));
  assert.ok(
    lines.some((line) => line.includes("initdb")),
    "initdb was seen while it ran",
  );
  assert.ok(
    lines.some((line) => line.includes("unix_socket_directories")),
    "so was the server",
  );
  assert.ok([...seen].every((line) => !line.includes(superuserPassword)));

  assert.deepEqual(await readdir(folder), ["postgres"], "the password file is gone");
  assert.equal((await stat(server.dataDir)).mode & 0o777, 0o700);
  const readable = [];
  for (const entry of await readdir(server.dataDir, { recursive: true, withFileTypes: true })) {
    const { mode } = await stat(path.join(entry.parentPath, entry.name));
    if ((mode & 0o077) !== 0) readable.push(entry.name);
  }
  assert.deepEqual(readable, []);
  assert.ok(!(await server.readLog()).includes(superuserPassword));
  assert.ok(!JSON.stringify(server.definition).includes(superuserPassword));
});

test("a lock file whose pid belongs to another program now does not keep it down", async (t) => {
  const { manager, dataDir, definition } = shared;
  await manager.stop("postgres");
  // PostgreSQL only heeds a process of its own user.
  const other = spawn("sleep", ["60"], { stdio: "ignore", ...definition.user });
  t.after(() => other.kill("SIGKILL"));
  const lock = `${other.pid}\n${dataDir}\n1\n5432\n\n127.0.0.1\n`;
  await writeAs(definition.user, path.join(dataDir, "postmaster.pid"), lock);
  await manager.start("postgres");
  await manager.waitUntilReady();
});

test("a password that is not the data folder's is the reason, with the way to mend it", async (t) => {
  const { dataDir, manager, port } = shared;
  await manager.stop("postgres");
  const definition = await postgresDefinition({ dataDir, port, password: "exchanged" });
  const second = await createManager(t, [definition]);
  await second.manager.startAll();
  const says = async () => {
    const { reason } = await statusOf(second.manager, "postgres");
    return reason?.includes("databases.postgresql.admin_password") === true;
  };
  assert.ok(await pollUntil(says, { timeoutMs: 20_000 }));
});

test("a plain user's server keeps everything in the checkout", {
  skip: await whyNobodyCannotRun(),
}, async (t) => {
  const folder = await makeOpenFolder(t);
  const user = isRoot ? { uid: 65534, gid: 65534 } : {};
  await promisify(execFile)("chmod", ["0777", folder]);
  const program = path.join(import.meta.dirname, "testing_plain_start.ts");
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--import", "tsx", program, folder],
    { ...user, cwd: import.meta.dirname },
  );
  const [ownUid, definition] = JSON.parse(stdout);
  assert.equal(ownUid, isRoot ? 65534 : process.getuid?.());
  assert.equal(definition.user, undefined);
  assert.equal(definition.folder, path.join(folder, "postgres"));
  assert.equal((await stat(path.join(folder, "postgres"))).uid, ownUid);
});

test("root runs it as a plain user in an open checkout", onlyAsRoot, async () => {
  const { dataDir, definition, manager } = await sharedAndReady();
  const { pid } = await statusOf(manager, "postgres");
  const { stdout } = await promisify(execFile)("ps", ["-o", "uid=", "-p", String(pid)]);
  assert.notEqual(Number(stdout), 0);
  assert.equal(Number(stdout), definition.user?.uid);
  assert.equal((await stat(dataDir)).uid, definition.user?.uid);
  assert.ok((await lstat(dataDir)).isDirectory());
});

/** Notes every command line on this machine until it is stopped. */
function lookAtCommandLines(seen: Set<string>) {
  const control = new AbortController();
  const done = pollUntil(
    async () => {
      const { stdout } = await promisify(execFile)("ps", ["-A", "-ww", "-o", "args="]);
      for (const line of stdout.split("\n")) seen.add(line);
      return false;
    },
    { signal: control.signal, longestMs: 20 },
  );
  return {
    stop: async () => {
      control.abort();
      await done;
    },
  };
}

async function writeAs(user: object | undefined, file: string, text: string): Promise<void> {
  const child = spawn("sh", ["-c", 'cat > "$0"', file], {
    stdio: ["pipe", "ignore", "inherit"],
    ...user,
  });
  child.stdin.end(text);
  await once(child, "exit");
}

/** As root the plain user of the test has to be able to read this checkout. */
async function whyNobodyCannotRun(): Promise<string | false> {
  if (!isRoot) return false;
  const options = { uid: 65534, gid: 65534, cwd: "/" };
  try {
    await promisify(execFile)(
      process.execPath,
      ["-e", `require("fs").readFileSync(${JSON.stringify(import.meta.filename)})`],
      options,
    );
    return false;
  } catch {
    return "this checkout is closed to the user nobody; put it where others may read it";
  }
}
