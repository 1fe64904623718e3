type Node = { readonly name: string; readonly dependencies: readonly string[] };

/**
 * Services in an order in which each comes after what it depends on. Names without a definition are
 * taken as provided elsewhere (an external PostgreSQL).
 *
 * @throws {Error} naming the services of a circle, none of which could ever start
 */
export function orderByDependency<T extends Node>(services: readonly T[]): T[] {
  const byName = new Map(services.map((service) => [service.name, service]));
  const ordered = new Set<T>();
  const visit = (service: T, path: readonly string[]) => {
    if (ordered.has(service)) return;
    if (path.includes(service.name)) {
      const circle = [...path.slice(path.indexOf(service.name)), service.name].join(" -> ");
      throw new Error(`Cannot order services: they wait for one another, ${circle}`);
    }
    for (const name of service.dependencies) {
      const dependency = byName.get(name);
      if (dependency !== undefined) visit(dependency, [...path, service.name]);
    }
    ordered.add(service);
  };
  for (const service of services) visit(service, []);
  return [...ordered];
}

/** Names of a service's dependencies, theirs, and so on; the nearest last, then itself. */
export function withDependencies(name: string, services: readonly Node[]): string[] {
  const wanted = new Set([name]);
  const ordered = orderByDependency(services);
  for (const service of ordered.toReversed()) {
    if (wanted.has(service.name)) for (const other of service.dependencies) wanted.add(other);
  }
  return ordered.map((service) => service.name).filter((other) => wanted.has(other));
}

/**
 * Does something for each service as soon as it is done for all that it depends on. Where that has
 * failed, it is not done.
 *
 * @throws {Error} with what has failed, each thing once, when all that can be done is done
 */
export async function eachAfterDependencies(
  services: readonly Node[],
  act: (name: string) => Promise<void>,
): Promise<void> {
  const acts = new Map<string, Promise<void>>();
  for (const { name, dependencies } of orderByDependency(services)) {
    const before = Promise.all(dependencies.map((other) => acts.get(other)));
    acts.set(
      name,
      before.then(() => act(name)),
    );
  }
  const outcomes = await Promise.allSettled(acts.values());
  // Whoever waited in vain has the failure of what it waited for.
  const failures = new Set(
    outcomes.flatMap((each) => (each.status === "rejected" ? [each.reason as Error] : [])),
  );
  if (failures.size === 0) return;
  throw new Error([...failures].map(({ message }) => message).join("; "));
}
