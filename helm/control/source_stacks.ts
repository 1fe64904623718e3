import { existsSync, readFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";

/**
 * From now on the stacks of errors name the sources of a compiled program, not the one file that it is.
 * Unlike Node's `--enable-source-maps` it reads the map, some megabytes, only when a stack is looked at,
 * and does not keep it.
 *
 * @param program the compiled file, with its map beside it; nothing changes where there is none
 */
export function nameSources(program: string): void {
  if (!existsSync(`${program}.map`)) return;
  const place = pathToFileURL(program).href;
  let kept: WeakRef<SourceMap> | undefined;
  const readMap = () => {
    const map = kept?.deref() ?? new SourceMap(JSON.parse(readFileSync(`${program}.map`, "utf8")));
    kept = new WeakRef(map);
    return map;
  };
  Error.prepareStackTrace = (error, frames) => {
    const lines = frames.map((frame) => `\n    at ${nameSource(String(frame))}`);
    return `${error}${lines.join("")}`;
  };

  function nameSource(frame: string): string {
    return frame.replace(/(file:[^()]*):(\d+):(\d+)/, (found, url, line, column) => {
      if (url !== place) return found;
      try {
        // The map counts both from 0, a stack from 1.
        const source = readMap().findEntry(Number(line) - 1, Number(column) - 1);
        if (!("originalSource" in source)) return found;
        const { originalSource, originalLine, originalColumn } = source;
        const { href } = pathToFileURL(resolve(dirname(program), originalSource));
        return `${href}:${originalLine + 1}:${originalColumn + 1}`;
      } catch {
        // Whoever looks at a stack has an error at hand already.
        return found;
      }
    });
  }
}
