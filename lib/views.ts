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
 *
 * @throws {Error} naming the file whose tags do not fit together; `render` for a view that is missing
 */
export function createViews(folder: string): Views {
  let stamp = readStamp(folder);
  let templates = readTemplates(folder);
  const isDevelopment = process.env["ENVIRONMENT"] === "development";
  return {
    render(name, data) {
      const newStamp = isDevelopment ? readStamp(folder) : stamp;
      if (newStamp !== stamp) {
        templates = readTemplates(folder);
        stamp = newStamp;
      }
      const find = (wanted: string): string => {
        const template = templates.get(wanted);
        if (template !== undefined) return template;
        throw new Error(`Cannot render "${name}": there is no view "${wanted}" in ${folder}`);
      };
      return mustache.render(find(name), data, find);
    },
  };
}

function viewFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".mustache"),
  );
}

/** @throws {Error} naming the file whose tags do not fit together */
function readTemplates(folder: string): Map<string, string> {
  return new Map(
    viewFiles(folder).map((file) => {
      const template = readFileSync(join(folder, file), "utf8");
      try {
        mustache.parse(template);
      } catch (error) {
        throw new Error(`Cannot use ${join(folder, file)}: ${String(error)}`, { cause: error });
      }
      return [file.slice(0, -".mustache".length).replaceAll("\\", "/"), template];
    }),
  );
}

/** Differs once a file was changed, added or removed. */
function readStamp(folder: string): string {
  return viewFiles(folder)
    .map((file) => `${file} ${statSync(join(folder, file)).mtimeMs}`)
    .join("\n");
}
