import type { ServiceStatus } from "../services/service_status.ts";
import { type Dependent, layersOf, nearestDependencies } from "./dependency_layers.ts";
import { type Box, type Line, lineBetween } from "./dependency_line.ts";
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
  readonly lines: readonly Line[];
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
  const placedRows = rows.map((row, level) => {
    const rowWidth = row.length * (node.width + gap.x) - gap.x;
    return row.map(({ name }, index): Box => {
      const x = (width - rowWidth) / 2 + index * (node.width + gap.x);
      return { name, level, x, y: edge + level * (node.height + gap.y), ...node };
    });
  });
  const boxes = new Map(placedRows.flat().map((box) => [box.name, box]));
  return {
    id: `graph-${modifier}`,
    modifier,
    width,
    height: rows.length * (node.height + gap.y) - gap.y + 2 * edge,
    description: services.map(describeDependencies).join(" "),
    nodes: services.map((service) => nodeAt(service, boxes.get(service.name))),
    lines: services.flatMap((service) =>
      nearestDependencies(service, services).flatMap((other) => {
        const [from, to] = [boxes.get(service.name), boxes.get(other)];
        return from && to ? [lineBetween(from, to, { rows: placedRows, width, gap })] : [];
      }),
    ),
  };
}

/** As many rows as it takes, as even as can be. */
function inRows<T>(layer: readonly T[], perRow: number): T[][] {
  const count = Math.ceil(layer.length / perRow);
  const length = Math.ceil(layer.length / count);
  return Array.from({ length: count }, (_, i) => layer.slice(i * length, (i + 1) * length));
}

function nodeAt(
  { name, state }: ServiceStatus,
  { x, y }: Pick<Box, "x" | "y"> = { x: 0, y: 0 },
): object {
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
