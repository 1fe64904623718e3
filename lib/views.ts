import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import mustache from "mustache";

export interface Views {
  /** `render("admin/settings", data)` fills `admin/settings.mustache`; values are HTML-escaped. */
  render(name: string, data: object): string;
}

/**
 * The mustache templates of a folder, each also a partial of the others. Read once; in development
 * again whenever the folder's files change.
 */
export function createViews(folder: string): Views {
  let templates = readTemplates(folder);
  let stamp = newestChange(folder);
  const isDevelopment = process.env["ENVIRONMENT"] === "development";
  return {
    render(name, data) {
      if (isDevelopment && newestChange(folder) !== stamp) {
        templates = readTemplates(folder);
        stamp = newestChange(folder);
      }
      const template = templates.get(name);
      if (template === undefined) throw new Error(`Cannot render "${name}": no such view`);
      return mustache.render(template, data, (partial) => templates.get(partial));
    },
  };
}

function viewFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".mustache"),
  );
}

function readTemplates(folder: string): Map<string, string> {
  return new Map(
    viewFiles(folder).map((file) => [
      file.slice(0, -".mustache".length).replaceAll("\\", "/"),
      readFileSync(join(folder, file), "utf8"),
    ]),
  );
}

function newestChange(folder: string): number {
  return Math.max(0, ...viewFiles(folder).map((file) => statSync(join(folder, file)).mtimeMs));
}
