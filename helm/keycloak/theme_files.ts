import { createHash } from "node:crypto";
import { appendFile, cp, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";

/** What a realm's `loginTheme` calls it: the name of its folder below the server's `themes/`. */
export const themeName = "hivematrix";

const source = join(import.meta.dirname, "theme");
/** The platform's look has one source, for the provider's pages too. */
const stylesheet = join(import.meta.dirname, "..", "..", "nexus", "static", "global.css");

/**
 * Writes the theme of the real Keycloak's sign-in pages, in place of the one that was there.
 *
 * @param folder `<server>/themes/hivematrix`
 */
export async function writeTheme(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await cp(source, folder, { recursive: true });
  const login = join(folder, "login");
  const resources = join(login, "resources");
  await cp(stylesheet, join(resources, "global.css"));
  // Browsers keep them for a month, under addresses that only Keycloak's version changes.
  const version = createHash("sha256");
  for (const name of (await readdir(resources)).sort()) {
    version.update(await readFile(join(resources, name)));
  }
  const line = `\nresourceVersion=${version.digest("hex").slice(0, 12)}\n`;
  await appendFile(join(login, "theme.properties"), line);
}
