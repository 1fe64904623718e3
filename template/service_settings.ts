import { basename } from "node:path";
import { readSettings } from "@hivematrix/lib/settings";

export type ServiceSettings = ReturnType<typeof readServiceSettings>;

/**
 * What this service has to know before it starts. Its name is a setting too, so that a copy of this
 * folder is another service without a line changed.
 *
 * @throws {SettingsError} naming what is missing, and the way to mend it
 */
export function readServiceSettings() {
  const folder = import.meta.dirname;
  const { SERVICE_NAME } = readSettings(basename(folder), folder, ["SERVICE_NAME"]);
  return readSettings(
    SERVICE_NAME,
    folder,
    ["SERVICE_NAME", "PORT", "SERVICE_SECRET", "CORE_SERVICE_URL", "database.connection_string"],
    ["ENVIRONMENT", "JWT_ISSUER", "database.db_name"],
  );
}
