import type { UserContext } from "@hivematrix/lib/auth";
import { HttpError } from "@hivematrix/lib/http_error";
import type { Handler } from "@hivematrix/lib/router";
import type { Platform } from "../control/platform.ts";
import type { RangeHours } from "../figures/figure_range.ts";
import type { Figures } from "../figures/figures.ts";

interface FigurePagesParts {
  readonly platform: Platform;
  readonly figures: Figures;
}

const fresh = { headers: { "cache-control": "no-store" } };

/** GET /api/figures: what every service uses now, and the requests of the last minutes. */
export function listFigures({ platform, figures }: FigurePagesParts): Handler<UserContext> {
  return async () => {
    const { services } = await platform.status();
    const all = services.map(({ name, state, cpuPercent, memoryBytes }) => {
      return { name, state, cpuPercent, memoryBytes, traffic: figures.trafficOf(name) };
    });
    return Response.json(all, fresh);
  };
}

/** GET /api/figures/:name?hours=24: one service's figures over the last hour, or day. */
export function showFigures({ platform, figures }: FigurePagesParts): Handler<UserContext> {
  return async (_request, { params: { name = "" }, url }) => {
    const { services } = await platform.status();
    if (!services.some((service) => service.name === name)) {
      throw new HttpError(404, `There is no service "${name}"`);
    }
    return Response.json({ name, ...figures.rangeOf(name, readHours(url)) }, fresh);
  };
}

/** `?hours=24`; an hour without it. @throws {HttpError} 400 for any other time */
export function readHours({ searchParams }: URL): RangeHours {
  const text = searchParams.get("hours") ?? "1";
  if (text === "1") return 1;
  if (text === "24") return 24;
  throw new HttpError(400, `Cannot show ${JSON.stringify(text)} hours, only 1 or 24`);
}
