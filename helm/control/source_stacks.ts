import { existsSync, readFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";

/** The map takes 10 MB, so it is there only while there are stacks to be read. */
const keepMs = 10_000;

/**
 * Names the sources in stacks of a compiled program instead of the one file that it is. Node's own way,
 * `--enable-source-maps`, reads the map at the start and keeps it; and errors whose stacks nobody reads
 * are too many to do it for each of them.
 *
 * @param program the compiled file, with its map beside it; without one every text stays as it is
 * @returns for a line of the log: the same with other places
 */
export function createSourceNames(program: string): (line: string) => string {
  if (!existsSync(`${program}.map`)) return (line) => line;
  const place = pathToFileURL(program).href;
  let kept: SourceMap | undefined;
  const readMap = () => {
    if (kept !== undefined) return kept;
    kept = new SourceMap(JSON.parse(readFileSync(`${program}.map`, "utf8")));
    setTimeout(() => {
      kept = undefined;
    }, keepMs).unref();
    return kept;
  };
  return (line) => {
    if (!line.includes(place)) return line;
    return line.replace(/(file:[^\s()"]+):(\d+):(\d+)/g, (found, url, row, column) =>
      url === place ? (nameSource(Number(row), Number(column)) ?? found) : found,
    );
  };

  function nameSource(row: number, column: number): string | undefined {
    try {
      // The map counts both from 0, a stack from 1.
      const source = readMap().findEntry(row - 1, column - 1);
      if (!("originalSource" in source)) return undefined;
      const { originalSource, originalLine, originalColumn } = source;
      const { href } = pathToFileURL(resolve(dirname(program), originalSource));
      return `${href}:${originalLine + 1}:${originalColumn + 1}`;
    } catch {
      // Without its map: what is logged matters more.
      return undefined;
    }
  }
}
