import type { Auth } from "@hivematrix/lib/auth";
import type { Log } from "@hivematrix/lib/log";
import type { Route } from "@hivematrix/lib/router";
import type { Platform } from "../control/platform.ts";
import type { HelmDatabase } from "../store/helm_database.ts";
import { figureRoutes } from "./figure_routes.ts";
import { FigureStore } from "./figure_store.ts";
import { Figures } from "./figures.ts";

/** The figures of a running Helm, their way in and out, and where they outlive it. */
export interface KeptFigures {
  readonly figures: Figures;
  readonly routes: readonly Route[];
  /** Begins to measure, and to store as soon as there is a database. Never fails. */
  start(database: Pick<HelmDatabase, "open">): void;
  /** Stores what is new, for as long as the database is there. */
  close(): Promise<void>;
}

export function keepFigures(
  platform: Pick<Platform, "status">,
  { auth, log }: { auth: Auth; log: Log },
): KeptFigures {
  const figures = new Figures(platform, log);
  const store = new FigureStore(figures, log);
  return {
    figures,
    routes: figureRoutes({ platform, figures }, auth),
    start(database) {
      figures.start();
      void store.open(database);
    },
    async close() {
      figures.close();
      await store.close();
    },
  };
}
