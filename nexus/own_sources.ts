import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** `import … from "x"`; what is only types is gone by the time it would be loaded. */
const importPattern = /^import\s+(?!type\s)(?:[^;"]*?\sfrom\s+)?"([^"]+)"/gm;

/**
 * A digest of Node and of every source of ours that these files load, themselves included: whether a
 * process that runs is still what a new one would be. Packages are not looked at.
 *
 * @param lib the folder of `@hivematrix/lib`
 */
export function digestSources(files: readonly string[], lib: string): string {
  const found = new Map<string, string>();
  const waiting = [...files];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (found.has(file)) continue;
    const text = readFileSync(file, "utf8");
    found.set(file, text);
    for (const [, name = ""] of text.matchAll(importPattern)) {
      if (name.startsWith(".")) waiting.push(join(dirname(file), name));
      const [, shared] = /^@hivematrix\/lib\/(\w+)$/.exec(name) ?? [];
      if (shared !== undefined) waiting.push(join(lib, `${shared}.ts`));
    }
  }
  const sorted = [...found].sort(([one], [other]) => (one < other ? -1 : 1));
  return createHash("sha256")
    .update(JSON.stringify([process.version, sorted]))
    .digest("hex");
}
