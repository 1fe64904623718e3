// Makes a new service: a copy of template/ under another name. As a command:
// node --import tsx scripts/new_app.ts <name>
import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { cp, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Names of parts of the platform, and of paths and folders that an app of that name would hide. */
const reserved = [
  ...["core", "nexus", "helm", "template", "keycloak", "postgres", "postgresql", "lib"],
  ...["api", "health", "login", "logout", "keycloak-callback", "sessions", "static", "scripts"],
  ...["apps", "node_modules", "favicon", "robots"],
];

/** PostgreSQL cuts names at 63 bytes, and Helm adds to the name for role and database. */
const maxNameLength = 40;

/**
 * Copies the tracked files of `template/` to `apps/<name>/`, under that name. It is there as a whole
 * or not at all.
 *
 * @param root the checkout
 * @returns the new folder
 * @throws {Error} naming the name and why it cannot be used
 */
export async function copyTemplate(root: string, name: string): Promise<string> {
  requireAppName(name);
  await requireFree(root, name);
  const folder = join(root, "apps", name);
  const unfinished = join(root, "apps", `.${name}.${randomUUID()}`);
  try {
    await writeCopy(root, name, unfinished);
    await rename(unfinished, folder).catch((error: NodeJS.ErrnoException) => {
      throw ["ENOTEMPTY", "EEXIST"].includes(error.code ?? "") ? taken(name) : error;
    });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return folder;
}

/** The copy's files, in a folder of their own. */
export async function writeCopy(root: string, name: string, folder: string): Promise<void> {
  for (const file of listTracked(root)) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await cp(join(root, "template", file), join(folder, file));
  }
  await renameService(folder, name);
}

/** `time_sheets` → `Time sheets` */
export function titleOf(name: string): string {
  const words = name.replaceAll(/[_-]/g, " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** @throws {Error} naming the name and why no app can have it */
export function requireAppName(name: string): void {
  const refuse = (reason: string) => new Error(`Cannot make the app "${name}": ${reason}`);
  // The name becomes a folder, a URL prefix, a package and a database.
  if (!/^[a-z][a-z0-9]*([_-][a-z0-9]+)*$/.test(name)) {
    const example = 'such as "timesheets" or "time_sheets"';
    throw refuse(`a name has a-z, 0-9 and single - or _ between them, ${example}`);
  }
  if (name.length > maxNameLength) throw refuse(`it is longer than ${maxNameLength} characters`);
  if (reserved.includes(name)) throw refuse("that name belongs to the platform, choose another");
}

async function requireFree(root: string, name: string): Promise<void> {
  if (await isThere(join(root, "apps", name))) throw taken(name);
  const services = await readFile(join(root, "helm", "services.json"), "utf8").catch(() => "{}");
  if (!Object.hasOwn(JSON.parse(services) as object, name)) return;
  throw new Error(
    `Cannot make the app "${name}": helm/services.json has a service of that name, choose another`,
  );
}

function taken(name: string): Error {
  return new Error(
    `Cannot make the app "${name}": apps/${name} is there already, choose another name or remove it`,
  );
}

/** Paths in template/. Tracked ones only: a running installation keeps secrets beside them. */
function listTracked(root: string): string[] {
  const folder = join(root, "template");
  const files = execFileSync("git", ["ls-files", "-z"], { cwd: folder, encoding: "utf8" })
    .split("\0")
    .filter((file) => file !== "");
  if (files.includes("package.json")) return files;
  throw new Error(`Cannot copy ${folder}: git tracks no service there`);
}

/** Puts the new name where a person or npm reads it; the code has it from its settings. */
async function renameService(folder: string, name: string): Promise<void> {
  const manifestFile = join(folder, "package.json");
  const manifest = JSON.parse(await readFile(manifestFile, "utf8")) as Record<string, unknown>;
  const renamed = {
    ...manifest,
    name: `@hivematrix/${name}`,
    description: `${titleOf(name)}, a HiveMatrix service`,
  };
  await writeFile(manifestFile, `${JSON.stringify(renamed, null, 2)}\n`);
  const readmeFile = join(folder, "README.md");
  const readme = await readFile(readmeFile, "utf8");
  await writeFile(readmeFile, readme.replace(/^# .*$/m, `# ${titleOf(name)}`));
}

async function isThere(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}

if (process.argv[1] === import.meta.filename) {
  try {
    const folder = await copyTemplate(join(import.meta.dirname, ".."), process.argv[2] ?? "");
    console.log(`Made ${folder}`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  }
}
