import type { Sql } from "@hivematrix/lib/database";
import { logFile } from "../control/log_tail.ts";
import { FloodGate } from "./flood_gate.ts";
import type { LogChain } from "./log_chain.ts";
import { formatNote } from "./log_note.ts";
import { type LogChunk, type LogPosition, readChunk } from "./log_source.ts";
import { readSourceState, type SourceState, writeLines } from "./log_writer.ts";
import { LineReader, type StoredLine } from "./stored_line.ts";

/** While a flood lasts, so often a line says how many have been left out. */
const floodNoteMs = 10_000;
/** Of a flood: what is only counted needs no room, and has to keep up with rotation. */
const countedChunksAtOnce = 64;

/** Brings what one service logs into the database, from where it was read last. */
export class LogFollower {
  readonly service: string;
  readonly #file: string;
  readonly #chain: LogChain;
  readonly #gate: FloodGate;
  readonly #reader: LineReader;
  #state: SourceState | undefined;
  /** Read without being stored; `lostAtMs` until the line about it is. */
  #leftOut = 0;
  #leftOutSinceMs = 0;
  #readTo: LogPosition | undefined;

  constructor(
    service: string,
    {
      logDir,
      chain,
      gate = new FloodGate(),
    }: { logDir: string; chain: LogChain; gate?: FloodGate },
  ) {
    this.service = service;
    this.#file = logFile(logDir, service);
    this.#chain = chain;
    this.#gate = gate;
    this.#reader = new LineReader(service);
  }

  /** The end of the service's chain, as far as it is known. */
  get head(): { number: number; hash: Buffer } | undefined {
    const state = this.#state;
    return state && { number: state.lastNumber, hash: state.hash };
  }

  /**
   * Stores a piece of what is new.
   *
   * @returns whether there is more at once
   * @throws whatever the database does; what was not stored is read again from the file
   */
  async storeNext(sql: Sql): Promise<boolean> {
    try {
      this.#state ??= await readSourceState(sql, this.#chain, this.service);
      return await this.#storeNext(sql, this.#state);
    } catch (error) {
      // Whether it was stored before the connection broke, the database knows.
      this.#state = undefined;
      this.#readTo = undefined;
      throw error;
    }
  }

  async #storeNext(sql: Sql, state: SourceState): Promise<boolean> {
    const from = this.#readTo ?? state.position;
    const chunk = readChunk(this.#file, from);
    const nowMs = Date.now();
    if (chunk.lines.length === 0 && chunk.position.copyId === from.copyId) {
      await this.#noteFlood(sql, state, nowMs);
      return false;
    }
    if (chunk.lines.length > 0 && !this.#gate.takes(chunk.lines.length)) {
      return await this.#leaveOut(sql, state, chunk, nowMs);
    }
    const lines = this.#notes(chunk, nowMs);
    this.#reader.startOver();
    for (const line of chunk.lines) lines.push(this.#reader.read(line, nowMs));
    await this.#write(sql, state, lines, chunk.position);
    return chunk.hasMore;
  }

  /** Reads on without storing; what was left out is told at the end, and now and then. */
  async #leaveOut(sql: Sql, state: SourceState, first: LogChunk, nowMs: number): Promise<boolean> {
    if (this.#leftOut === 0) this.#leftOutSinceMs = nowMs;
    let chunk = first;
    for (let i = 0; ; i++) {
      this.#leftOut += chunk.lines.length;
      this.#readTo = chunk.position;
      if (!chunk.hasMore || i === countedChunksAtOnce) break;
      chunk = readChunk(this.#file, chunk.position);
    }
    if (nowMs - this.#leftOutSinceMs >= floodNoteMs) await this.#noteFlood(sql, state, nowMs);
    return chunk.hasMore;
  }

  async #noteFlood(sql: Sql, state: SourceState, nowMs: number): Promise<void> {
    if (this.#readTo === undefined) return;
    await this.#write(sql, state, this.#notes({ hasLost: false }, nowMs), this.#readTo);
  }

  async #write(
    sql: Sql,
    before: SourceState,
    lines: readonly StoredLine[],
    position: LogPosition,
  ): Promise<void> {
    this.#state = await writeLines(sql, this.#chain, this.service, { before, lines, position });
    this.#readTo = undefined;
    this.#leftOut = 0;
  }

  /** What is missing stands where it would have stood. */
  #notes({ hasLost }: Pick<LogChunk, "hasLost">, nowMs: number): StoredLine[] {
    const notes: StoredLine[] = [];
    const note = (message: string, fields: Readonly<Record<string, unknown>> = {}) => {
      const line = formatNote(this.service, message, fields, nowMs).trimEnd();
      notes.push(this.#reader.read(Buffer.from(line), nowMs));
    };
    if (this.#leftOut > 0)
      note("too many lines at once, not all were stored", { left_out: this.#leftOut });
    if (hasLost) note("lines were rotated away before they could be stored");
    return notes;
  }
}
