import type { ServiceDefinition } from "./service_definition.ts";

/** Calls `restart` when a source file of the service or of lib changes (`helm up --dev`). */
export function watchFolder(
  definition: Pick<ServiceDefinition, "folder">,
  restart: () => void,
): { close(): void } {
  throw new Error(`Not written yet ${definition} ${restart}`);
}
