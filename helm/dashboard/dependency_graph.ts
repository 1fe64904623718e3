import type { ServiceStatus } from "../services/service_status.ts";
import { type Dependent, layersOf, nearestDependencies } from "./dependency_layers.ts";
import { badgeOf } from "./service_row.ts";

const node = { width: 148, height: 52 };
const gap = { x: 16, y: 44 };
const edge = 2;

/** For the view "dependency_graph": boxes and lines with their places. */
export interface DependencyGraph {
  readonly id: string;
  readonly modifier: string;
  readonly width: number;
  readonly height: number;
  readonly description: string;
  readonly nodes: readonly object[];
  readonly lines: readonly { readonly path: string; readonly head: string }[];
}

/** The same graph for wide and for narrow windows: text in a drawing that shrinks cannot be read. */
export function dependencyGraphs(services: readonly ServiceStatus[]): DependencyGraph[] {
  return [draw(services, "wide", 5), draw(services, "narrow", 2)];
}

/** `template needs postgres and core.` */
export function describeDependencies({ name, dependencies }: Dependent): string {
  return `${name} needs ${listed(dependencies) || "nothing"}.`;
}

function listed(names: readonly string[]): string {
  const last = names.at(-1) ?? "";
  return names.length < 2 ? last : `${names.slice(0, -1).join(", ")} and ${last}`;
}

/** What stands on others stands above them. */
function draw(
  services: readonly ServiceStatus[],
  modifier: string,
  perRow: number,
): DependencyGraph {
  const rows = layersOf(services)
    .toReversed()
    .flatMap((layer) => inRows(layer, perRow));
  const longest = Math.max(1, ...rows.map((row) => row.length));
  const width = longest * (node.width + gap.x) - gap.x + 2 * edge;
  const places = new Map<string, { x: number; y: number }>();
  for (const [level, row] of rows.entries()) {
    const rowWidth = row.length * (node.width + gap.x) - gap.x;
    for (const [index, { name }] of row.entries()) {
      const x = (width - rowWidth) / 2 + index * (node.width + gap.x);
      places.set(name, { x, y: edge + level * (node.height + gap.y) });
    }
  }
  return {
    id: `graph-${modifier}`,
    modifier,
    width,
    height: rows.length * (node.height + gap.y) - gap.y + 2 * edge,
    description: services.map(describeDependencies).join(" "),
    nodes: services.map((service) => nodeAt(service, places.get(service.name))),
    lines: services.flatMap((service) =>
      nearestDependencies(service, services).map((other) =>
        lineBetween(places.get(service.name), places.get(other)),
      ),
    ),
  };
}

/** As many rows as it takes, as even as can be. */
function inRows<T>(layer: readonly T[], perRow: number): T[][] {
  const count = Math.ceil(layer.length / perRow);
  const length = Math.ceil(layer.length / count);
  return Array.from({ length: count }, (_, i) => layer.slice(i * length, (i + 1) * length));
}

interface Place {
  readonly x: number;
  readonly y: number;
}

function nodeAt({ name, state }: ServiceStatus, { x, y }: Place = { x: 0, y: 0 }): object {
  const { width, height } = node;
  return {
    name,
    state,
    // Beyond that it would not fit into its box; the table has all of it.
    short_name: name.length > 12 ? `${name.slice(0, 11)}…` : name,
    badge: badgeOf(state),
    ...{ x, y, width, height },
    mark_x: x + 16,
    mark_y: y + height / 2,
    text_x: x + 31,
    name_y: y + 22,
    state_y: y + 40,
  };
}

function lineBetween(
  from: Place = { x: 0, y: 0 },
  to: Place = { x: 0, y: 0 },
): { path: string; head: string } {
  const [startX, startY] = [from.x + node.width / 2, from.y + node.height];
  const [endX, endY] = [to.x + node.width / 2, to.y];
  const bend = gap.y * 0.6;
  return {
    path: `M${startX} ${startY}C${startX} ${startY + bend} ${endX} ${endY - bend} ${endX} ${endY - 6}`,
    head: `M${endX - 4} ${endY - 8}h8l-4 7z`,
  };
}
