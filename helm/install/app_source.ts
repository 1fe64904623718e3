// What is to be installed: a name of the registry, or a repository that says itself what it is.
import { join } from "node:path";
import { readIfThere } from "../config/atomic_file.ts";
import { parseJsonDocument } from "../config/json_document.ts";
import { isRecord } from "../config/value_checks.ts";
import { entryFields, findFieldProblem } from "./app_entry.ts";
import { isThere } from "./app_places.ts";
import type { AppRegistry, RegisteredApp } from "./app_registry.ts";
import { requireGitUrl } from "./git.ts";
import { RefusedError } from "./operation_parts.ts";

export interface InstallRequest {
  /** A name of the registry, a git URL, or an absolute path of a repository. */
  readonly target: string;
  readonly name?: string;
  readonly ref?: string;
  readonly port?: number;
  readonly runtime?: "node" | "python";
  readonly database?: "postgresql" | "none";
  readonly title?: string;
}

export interface AppSource {
  readonly id: string;
  readonly git_url: string;
  readonly ref?: string;
  /** What the registry says; nothing of a repository that is new to it. */
  readonly entry?: RegisteredApp;
  /** What whoever asked insists on. */
  readonly wishes: InstallRequest;
}

/** @throws {RefusedError} for what neither the registry nor git knows how to find */
export function findSource(registry: AppRegistry, request: InstallRequest): AppSource {
  const { target, name } = request;
  const entry = registry.find(target);
  if (entry !== undefined) return registeredSource(entry, request);
  if (/^[a-z][a-z0-9_-]*$/.test(target)) {
    const known = registry.list().filter((app) => app.git_url !== undefined);
    const names = known.map((app) => app.id).join(", ") || "none";
    throw new RefusedError(
      `Cannot install "${target}": the registry has no app of that name (it has: ${names}); name a git URL or a folder`,
    );
  }
  requireGitUrl(target);
  const id = name ?? nameOf(target);
  const known = registry.find(id);
  if (known?.git_url === target) return registeredSource(known, request);
  if (known !== undefined) {
    throw new RefusedError(
      `Cannot install "${id}": the registry has another app of that name, choose one with --name`,
    );
  }
  const ref = request.ref === undefined ? {} : { ref: request.ref };
  return { id, git_url: target, ...ref, wishes: request };
}

function registeredSource(entry: RegisteredApp, wishes: InstallRequest): AppSource {
  const { id, git_url } = entry;
  if (git_url === undefined) {
    throw new RefusedError(`Cannot install "${id}": it is part of this checkout`);
  }
  requireGitUrl(git_url);
  const ref = wishes.ref ?? entry.ref;
  return { id, git_url, entry, wishes, ...(ref !== undefined && { ref }) };
}

/**
 * The whole entry of an app once its repository is here. A repository that the registry does not know
 * describes itself in `app.json`, in the registry's own words; what was asked for counts more.
 */
export async function describeApp(
  { id, git_url, ref, entry, wishes }: AppSource,
  folder: string,
): Promise<Omit<RegisteredApp, "port"> & { readonly port?: number }> {
  const own: Readonly<Record<string, unknown>> = entry ? { ...entry } : await readAppFile(folder);
  const { runtime, title, database } = wishes;
  const { database: _, ...fields } = entryFields(own);
  const wanted = database ?? own["database"] ?? (entry === undefined ? "postgresql" : "none");
  return {
    name: title ?? id,
    required: false,
    dependencies: wanted === "postgresql" ? ["postgresql", "core"] : ["core"],
    install_order: 100,
    runtime: (await isPython(folder)) ? "python" : "node",
    ...fields,
    ...entryFields({ runtime, title }),
    ...(wanted === "postgresql" && { database: "postgresql" }),
    id,
    git_url,
    ...(ref !== undefined && { ref }),
  };
}

async function readAppFile(folder: string): Promise<Record<string, unknown>> {
  const text = await readIfThere(join(folder, "app.json"));
  if (text === undefined) return {};
  try {
    const { value } = parseJsonDocument(text);
    if (!isRecord(value)) throw new Error("it is no object");
    const { database, ...fields } = value;
    const problem = findFieldProblem(database === "none" ? fields : value);
    if (problem !== undefined) throw new Error(`it ${problem}`);
    return value;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`Cannot use its app.json: ${reason}`, { cause: error });
  }
}

/** An app of the contract's kind begins with run.py. */
async function isPython(folder: string): Promise<boolean> {
  return (await isThere(join(folder, "run.py"))) && !(await isThere(join(folder, "main.ts")));
}

/** `https://example.org/team/hivematrix-codex.git` → `codex` */
function nameOf(url: string): string {
  const last =
    url
      .replace(/[/\\]+$/, "")
      .split(/[/:\\]/)
      .at(-1) ?? "";
  return last
    .replace(/\.git$/i, "")
    .replace(/^hivematrix-/i, "")
    .toLowerCase();
}
