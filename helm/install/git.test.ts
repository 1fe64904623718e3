import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "node:test";
import { makeCheckout } from "../testing.ts";
import { askRemote, checkOutBeside, cloneApp, listChanged, readGitStatus } from "./app_checkout.ts";
import { requireGitUrl } from "./git.ts";
import { relocateEnvironments } from "./install_script.ts";
import { answering, makeRepository } from "./testing.ts";

test("what would be an option, run a program, travel in the open or tell a password is no git URL", () => {
  for (const url of [
    "https://git.example.org/a.git",
    "git@example.org:a/b",
    "ssh://git@h/a",
    "/srv/a",
  ])
    requireGitUrl(url);
  for (const [url, reason] of [
    ["--upload-pack=touch", /no git URL/],
    ["ext::sh", /run a program/],
    ["fd::7", /run a program/],
    ["http://example.org/a", /whoever is on the way/],
    ["git://example.org/a", /whoever is on the way.*take https or ssh/],
    ["ftp://example.org/a", /not ftp/],
    ["https://ada:secret@example.org/a", /take the password out/],
    ["../a", /absolute path/],
  ] as const) {
    assert.throws(() => requireGitUrl(url), reason, url);
  }
  assert.throws(
    () => requireGitUrl("https://ada:secret@example.org/a"),
    (error: Error) => {
      return !error.message.includes("secret");
    },
  );
});

test("a tag and a commit stay where they are, a branch is followed", async (t) => {
  const { root } = await makeCheckout(t);
  const repository = await makeRepository(t);
  const { folder: git_url, git } = repository;
  git("tag", "v1");
  const first = git("rev-parse", "HEAD");
  const pinned = ["v1", first];
  for (const ref of [...pinned, "main", undefined]) {
    assert.equal(await cloneApp({ git_url, ref }, join(root, `at-${ref}`), {}), first);
  }
  const second = await repository.commit({ "main.ts": answering("two") });
  for (const ref of [...pinned, "main", undefined]) {
    const [from, to] = [join(root, `at-${ref}`), join(root, `next-${ref}`)];
    const expected = ref !== undefined && pinned.includes(ref) ? first : second;
    assert.equal(await askRemote({ git_url, ref }, root, {}), expected);
    assert.equal(await checkOutBeside(from, to, { git_url, ref }, {}), expected);
    assert.equal((await readGitStatus(to, ref))?.commit, expected);
  }
  await assert.rejects(cloneApp({ git_url, ref: "v2" }, join(root, "none"), {}), /"v2"/);
});

test("what Helm has written itself is no change made by hand", async (t) => {
  const { root } = await makeCheckout(t);
  const { folder: git_url } = await makeRepository(t, { ".gitignore": "", "services.json": "{}" });
  const folder = join(root, "app");
  await cloneApp({ git_url }, folder, {});
  await writeFile(join(folder, "services.json"), '{"more": 1}');
  assert.deepEqual(await listChanged(folder), []);
  await writeFile(join(folder, "main.ts"), "mine");
  assert.deepEqual(await listChanged(folder), ["main.ts"]);
});

test("the programs of a Python environment that has moved name the Python that it has now", async (t) => {
  const { root } = await makeCheckout(t);
  const bin = join(root, "pyenv", "bin");
  await mkdir(bin, { recursive: true });
  await writeFile(join(bin, "flask"), "#!/old/place/pyenv/bin/python\nimport flask\n");
  await relocateEnvironments(root, "/old/place");
  assert.equal(await readFile(join(bin, "flask"), "utf8"), `#!${bin}/python\nimport flask\n`);
});
