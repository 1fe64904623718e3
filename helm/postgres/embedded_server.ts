import type { ServiceDefinition } from "../services/service_definition.ts";
import { prepareDataFolder } from "./data_folder.ts";
import { programIn } from "./postgres_binaries.ts";
import { postgresHealth } from "./postgres_health.ts";
import { type PostgresPlace, postgresPlace } from "./postgres_place.ts";
import { fixedSettings } from "./server_settings.ts";

export interface EmbeddedServer {
  /** Absolute, e.g. `<checkout>/helm/instance/postgres`; as root it may become a link (postgres_place.ts). */
  readonly dataDir: string;
  readonly port: number;
  /** Of the superuser `postgres`. */
  readonly password: string;
  /** The service's name; `postgres` unless said otherwise. */
  readonly name?: string;
  /** Where root puts what must not stay in a closed checkout (postgres_place.ts). */
  readonly outside?: string;
}

/**
 * The service "postgres": the server binary itself, on 127.0.0.1 only. Its `prepare` makes the data
 * folder. It has no process of ours around it, which would cost memory and leave it an orphan.
 */
export async function postgresDefinition(server: EmbeddedServer): Promise<ServiceDefinition> {
  const { port, password, name = "postgres" } = server;
  const place = await rememberedPlace(server);
  const settings = Object.entries(fixedSettings(port)).flatMap(([key, value]) => {
    return ["-c", `${key}=${value}`];
  });
  return {
    name,
    folder: place.dataDir,
    command: [programIn(place.binaries, "postgres"), "-D", place.dataDir, ...settings],
    env: { LC_ALL: "C" },
    // The port is an argument, and arguments alone make nobody start it anew.
    settingsDigest: `port ${port}`,
    dependencies: [],
    port,
    isReady: postgresHealth({ port, password }),
    prepare: () => prepareDataFolder(place, password),
    // Fast shutdown: ends the clients' connections. SIGTERM would wait for each to leave by itself.
    stopSignal: "SIGINT",
    ...(place.user === undefined ? {} : { user: place.user }),
  };
}

const places = new Map<string, Promise<PostgresPlace>>();

/** Decided once in Helm's life: definitions are asked for often, and the answer cannot change. */
function rememberedPlace({
  dataDir,
  outside,
}: Pick<EmbeddedServer, "dataDir" | "outside">): Promise<PostgresPlace> {
  const options = outside === undefined ? { dataDir } : { dataDir, outside };
  const place = places.get(dataDir) ?? postgresPlace(options);
  places.set(dataDir, place);
  place.catch(() => places.delete(dataDir));
  return place;
}
