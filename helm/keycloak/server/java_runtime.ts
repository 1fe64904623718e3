import { execFile } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";
import { promisify } from "node:util";

/** What Keycloak 26 asks for. */
export const leastJavaVersion = 17;

export interface JavaRuntime {
  /** Absolute path of the program `java`. */
  readonly program: string;
  /** Its feature release: 17, 21, … */
  readonly version: number;
}

/** There is no Java that would do. Its message says what was found and what to install. */
export class JavaMissingError extends Error {
  override readonly name = "JavaMissingError";
}

/**
 * Finds a Java that can run Keycloak: that of `JAVA_HOME`, else the first one of `PATH` that is new
 * enough.
 *
 * @throws {JavaMissingError}
 */
export async function findJava(env: NodeJS.ProcessEnv = process.env): Promise<JavaRuntime> {
  const rejected: string[] = [];
  for (const program of candidates(env)) {
    if (!(await isProgram(program))) continue;
    const version = await readVersion(program);
    if (version !== undefined && version >= leastJavaVersion) return { program, version };
    rejected.push(version === undefined ? `${program} does not run` : `${program} is ${version}`);
  }
  const found = rejected.length === 0 ? "there is none" : rejected.join(", ");
  throw new JavaMissingError(
    `Keycloak needs Java ${leastJavaVersion} or newer, and ${found} in JAVA_HOME and PATH; install one (Debian and Ubuntu: apt-get install openjdk-17-jre-headless), or go back with "helm config set keycloak.mode embedded"`,
  );
}

/** The feature release that `java -version` names: `17` of "17.0.15", `8` of "1.8.0_392". */
export function parseJavaVersion(output: string): number | undefined {
  const found = /version "(?:1\.)?(\d+)/.exec(output)?.[1];
  return found === undefined ? undefined : Number(found);
}

function candidates({ JAVA_HOME: home = "", PATH: path = "" }: NodeJS.ProcessEnv): string[] {
  const folders = [...(home === "" ? [] : [join(home, "bin")]), ...path.split(delimiter)];
  return [...new Set(folders.filter(isAbsolute).map((folder) => join(folder, "java")))];
}

async function isProgram(file: string): Promise<boolean> {
  return await access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function readVersion(program: string): Promise<number | undefined> {
  try {
    // It says so on standard error.
    const { stdout, stderr } = await promisify(execFile)(program, ["-version"], {
      timeout: 20_000,
    });
    return parseJavaVersion(stderr + stdout);
  } catch {
    return undefined;
  }
}
