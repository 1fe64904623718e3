/** A service and what it needs. */
export interface Dependent {
  readonly name: string;
  readonly dependencies: readonly string[];
}

/**
 * The services by how much has to be ready before them, those that need nothing first. Names that
 * nobody here has are left out.
 */
export function layersOf(services: readonly Dependent[]): Dependent[][] {
  const byName = new Map(services.map((service) => [service.name, service]));
  const depths = new Map<string, number>();
  const depthOf = (name: string, above: readonly string[]): number => {
    const known = depths.get(name);
    if (known !== undefined) return known;
    // A circle would not start either; here it only has to end.
    if (above.includes(name)) return 0;
    const needed = byName.get(name)?.dependencies.filter((other) => byName.has(other)) ?? [];
    const depth = Math.max(0, ...needed.map((other) => depthOf(other, [...above, name]) + 1));
    depths.set(name, depth);
    return depth;
  };
  const layers: Dependent[][] = [];
  for (const service of services) {
    const depth = depthOf(service.name, []);
    while (layers.length <= depth) layers.push([]);
    layers[depth]?.push(service);
  }
  return layers;
}

/** What a service needs apart from what these need anyway: fewer lines that say the same. */
export function nearestDependencies(
  { dependencies }: Dependent,
  services: readonly Dependent[],
): string[] {
  const byName = new Map(services.map((service) => [service.name, service]));
  const reach = (name: string, seen: Set<string>): Set<string> => {
    for (const other of byName.get(name)?.dependencies ?? []) {
      if (seen.has(other)) continue;
      seen.add(other);
      reach(other, seen);
    }
    return seen;
  };
  const known = dependencies.filter((name) => byName.has(name));
  return known.filter(
    (name) => !known.some((other) => other !== name && reach(other, new Set()).has(name)),
  );
}
