// For tests: asks Python what it makes of a file, since services in Python read the same ones.
import { spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";
import type { TestScope } from "./testing.ts";

/** Why a test that needs Python (and, if named, one of its modules) cannot run here, or false. */
export function withoutPython(module = "json"): string | false {
  const { status } = spawnSync("python3", ["-c", `import ${module}`], { stdio: "ignore" });
  if (status === 0) return false;
  return `skipped: python3 with its module ${module} is missing; install it to run this test`;
}

/**
 * Runs one Python expression over many values in a single process.
 *
 * @param setup statements that come first, such as imports and a function
 * @param expression of `value`, which came as JSON; its result goes back as JSON
 */
export function startPython(
  scope: TestScope,
  setup: string,
  expression: string,
): (value: unknown) => Promise<unknown> {
  const program = `import json, sys
${setup}
for line in sys.stdin:
    value = json.loads(line)
    print(json.dumps(${expression}), flush=True)
`;
  const python = spawn("python3", ["-c", program], {
    env: { ...process.env, PYTHONIOENCODING: "utf-8" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  scope.after(() => python.stdin.end());
  const answers = createInterface({ input: python.stdout })[Symbol.asyncIterator]();
  return async (value) => {
    python.stdin.write(`${JSON.stringify(value)}\n`);
    const { value: answer, done } = await answers.next();
    if (done === true) throw new Error("Python ended before it answered");
    return JSON.parse(answer);
  };
}
