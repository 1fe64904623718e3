// Helm's daemon as one file of JavaScript. Run from its sources it would keep what compiles them, 30 MB,
// for as long as it lives: tsx, and the thread that Node runs it in.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { pathToFileURL } from "node:url";
import { writeIfChanged } from "../config/atomic_file.ts";

/** What of esbuild is used here; it comes with tsx, which compiles with it too. */
interface Esbuild {
  build(options: object): Promise<{ outputFiles: readonly { path: string; text: string }[] }>;
  stop(): Promise<void>;
}

/** What it throws for sources that cannot be compiled. */
interface BuildFailure extends Error {
  readonly errors: readonly {
    readonly text: string;
    readonly location: {
      readonly file: string;
      readonly line: number;
      readonly column: number;
    } | null;
  }[];
}

/** A source cannot be compiled, so nothing else could run it either. */
export class SourceError extends Error {
  override readonly name = "SourceError";
}

interface Plugins {
  onLoad(
    files: { filter: RegExp },
    load: (file: { path: string }) => Promise<{ loader: "ts"; contents: string }>,
  ): void;
}

/**
 * Compiles a program of ours with all that it imports from our own sources into one file, and the map by
 * which stacks name the sources (source_stacks.ts) into another one beside it.
 *
 * @param output ends with `.mjs`, in a folder below which the npm packages are found
 * @throws {SourceError} with the place and what is wrong there
 * @throws {Error} when esbuild cannot be had, or the file cannot be written
 */
export async function compileProgram(entry: string, output: string): Promise<void> {
  const esbuild = loadEsbuild();
  try {
    const building = esbuild.build({
      entryPoints: [entry],
      outfile: output,
      write: false,
      bundle: true,
      platform: "node",
      format: "esm",
      target: "node20",
      // Names of classes and functions stand in messages and stacks.
      keepNames: true,
      sourcemap: "external",
      sourcesContent: false,
      external: ["jose", "mustache", "postgres", "undici"],
      logLevel: "silent",
      plugins: [{ name: "own-place", setup: keepOwnPlaces }],
    });
    const { outputFiles } = await building.catch((error: Error) => {
      throw toSourceError(error);
    });
    for (const { path, text } of outputFiles) await writeIfChanged(path, text);
  } finally {
    await esbuild.stop();
  }
}

function toSourceError(error: Error): Error {
  // What esbuild alone does not find, such as a file: URL, may be there all the same.
  const isWrong = ({ text }: { text: string }) => !text.startsWith("Could not resolve");
  const wrong = (error as Partial<BuildFailure>).errors?.find(isWrong);
  if (wrong === undefined) return error;
  const { text, location } = wrong;
  const place = location === null ? "" : `${location.file}:${location.line}:${location.column}: `;
  return new SourceError(`${place}${text}`, { cause: error });
}

/** The very one that tsx uses. */
function loadEsbuild(): Esbuild {
  const tsx = createRequire(import.meta.url).resolve("tsx/package.json");
  return createRequire(tsx)("esbuild") as Esbuild;
}

/** Each source finds the files beside it where they are, wherever the one file is. */
function keepOwnPlaces({ onLoad }: Plugins): void {
  onLoad({ filter: /\.ts$/ }, async ({ path }) => {
    const places = { dirname: dirname(path), filename: path, url: pathToFileURL(path).href };
    const source = await readFile(path, "utf8");
    const contents = source.replace(/\bimport\.meta\.(dirname|filename|url)\b/g, (_, name) =>
      JSON.stringify(places[name as keyof typeof places]),
    );
    return { loader: "ts", contents };
  });
}
