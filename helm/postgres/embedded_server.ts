import type { ServiceDefinition } from "../services/service_definition.ts";

export interface EmbeddedServer {
  /** Absolute, e.g. `<checkout>/helm/instance/postgres`; as root it may live elsewhere (postgres_place.ts). */
  readonly dataDir: string;
  readonly port: number;
  /** Of the superuser `postgres`. */
  readonly password: string;
  /** The service's name; `postgres` unless said otherwise. */
  readonly name?: string;
}

/** The service "postgres": the server binary itself, on 127.0.0.1 only. Its `prepare` makes the data folder. */
export async function postgresDefinition(server: EmbeddedServer): Promise<ServiceDefinition> {
  throw new Error(`Not written yet ${server.port}`);
}
