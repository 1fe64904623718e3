// The real shells, as far as the machine has them: each is asked what it would offer.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { makeInstallation } from "./testing.ts";

/** Loads the shell's part, then has `helm <words>` completed and prints an offer a line. */
const programs = {
  bash: `eval "$("$HELM" completion bash)"
COMP_WORDS=("$HELM" "$@"); COMP_CWORD=$#
_hivematrix_helm; printf '%s\\n' "\${COMPREPLY[@]}"`,
  // Without a terminal zsh completes nothing, so the two that show its offers are taken from it.
  zsh: `compdef() { :; }
_describe() { print -rl -- "\${\${(P)2}[@]%%:*}" | grep -- "^$words[CURRENT]"; }
eval "$("$HELM" completion zsh)"
words=("$HELM" "$@"); CURRENT=$((# + 1))
_hivematrix_helm`,
  fish: `"$HELM" completion fish | source
complete -c (basename $HELM) -f -a '(__hivematrix_helm)'
complete -C "$HELM $argv" | string replace -r '\\t.*' ''`,
};

function isThere(shell: string): boolean {
  return spawnSync(shell, ["-c", "exit"]).status === 0;
}

async function offers(t: TestContext, shell: keyof typeof programs) {
  const { checkout } = await makeInstallation(t);
  const env = { ...process.env, HELM: join(checkout.root, "scripts/helm") };
  return (...words: string[]) => {
    const more = shell === "fish" ? [words.join(" ")] : [shell, ...words];
    const run = spawnSync(shell, ["-c", programs[shell], ...more], { env, encoding: "utf8" });
    assert.equal(run.stderr, "");
    return run.stdout.trim().split("\n").sort();
  };
}

for (const shell of ["bash", "zsh", "fish"] as const) {
  const skip = isThere(shell) ? false : `skipped: ${shell} is missing, install its package`;
  test(`${shell} offers commands, options, their values and services`, { skip }, async (t) => {
    const find = await offers(t, shell);
    assert.deepEqual(find("st"), ["start", "status", "stop"]);
    assert.deepEqual(find("sessions", "rev"), ["revoke", "revoke-all"]);
    assert.deepEqual(find("logs", "--fo"), ["--follow"]);
    assert.deepEqual(find("logs", "--level", "w"), ["warn"]);
    assert.deepEqual(find("restart", "co"), ["core"]);
    assert.deepEqual(find("restart", "core", "ne"), ["nexus"]);
  });
}

test("a shell that is not known is refused with those that are", async (t) => {
  const { helm } = await makeInstallation(t);
  const { status, stderr } = await helm("completion", "tcsh");
  assert.equal(status, 2);
  assert.match(stderr, /shell is "tcsh", it has to be one of "bash", "zsh", "fish"/);
});
