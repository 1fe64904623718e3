import type { Log } from "@hivematrix/lib/log";
import type { Platform } from "../control/platform.ts";
import type { Figures } from "../figures/figures.ts";
import { type PlatformSummary, summarise } from "./platform_summary.ts";
import { type ServiceRow, serviceRow } from "./service_row.ts";

/** What whoever watches is sent. */
export interface StatusNews {
  readonly services: readonly ServiceRow[];
  readonly platform: PlatformSummary;
}

type Send = (news: StatusNews) => void;

/** After a change others usually follow; they go out together. */
const gatherMs = 100;
/** Uptime and memory change without an event. */
const refreshMs = 3000;

/** The rows of all services, sent to whoever listens whenever one changes. Costs nothing unheard. */
export class StatusFeed {
  readonly #platform: Pick<Platform, "status" | "onChange">;
  readonly #figures: Pick<Figures, "trafficOf">;
  readonly #log: Log;
  readonly #listeners = new Set<{ send: Send; end: () => void }>();
  #ignoreChanges: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isSending = false;

  constructor(
    platform: Pick<Platform, "status" | "onChange">,
    figures: Pick<Figures, "trafficOf">,
    log: Log,
  ) {
    this.#platform = platform;
    this.#figures = figures;
    this.#log = log;
  }

  /**
   * @param end called when the feed ends before the listener does
   * @returns a function that ends the listening
   */
  listen(send: Send, end: () => void): () => void {
    const listener = { send, end };
    this.#listeners.add(listener);
    this.#ignoreChanges ??= this.#platform.onChange(() => this.#sendAfter(gatherMs));
    this.#sendAfter(0);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#rest();
    };
  }

  close(): void {
    for (const { end } of this.#listeners) end();
    this.#listeners.clear();
    this.#rest();
  }

  #rest(): void {
    this.#ignoreChanges?.();
    this.#ignoreChanges = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #sendAfter(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#send(), delayMs);
  }

  async #send(): Promise<void> {
    if (this.#isSending) return this.#sendAfter(gatherMs);
    this.#isSending = true;
    try {
      const watched = (await this.#platform.status()).services.map((status) => {
        return { status, traffic: this.#figures.trafficOf(status.name) };
      });
      const services = watched.map(({ status, traffic }) => serviceRow(status, traffic));
      const news = { services, platform: summarise(watched) };
      for (const { send } of this.#listeners) send(news);
    } catch (error) {
      this.#log.warn("cannot read the services' state", { error });
    } finally {
      this.#isSending = false;
    }
    if (this.#listeners.size > 0) this.#sendAfter(refreshMs);
  }
}
