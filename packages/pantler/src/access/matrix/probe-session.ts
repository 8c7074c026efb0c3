import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { messageOf, stopWhenAborted } from "../../operation/index.js";
import {
  actAs,
  type Client,
  type Identity,
  isConnectionLoss,
  sqlstateOf,
  sqlstates,
} from "../../postgres/index.js";

/** What came of a statement that was tried. */
export type Attempt =
  | {
      readonly rows: readonly Record<string, unknown>[];
      readonly count: number;
      readonly refusal?: undefined;
    }
  | { readonly refusal: pg.DatabaseError };

/** Somebody changed what was read; the whole has to be tried again. */
export class Disturbed extends Error {}

/** Milliseconds that a lock is waited for: nobody who works on the database shall have to wait for a probe. */
const lockPatience = 200;

/** What is read, and what is tried, may take so many milliseconds. */
const readingTime = 15_000;
const tryingTime = 3_000;

/** Locks and rows of others stand in the way of a transaction at most so often. */
const rounds = 4;

/** Under these a value is the same text on the way out and on the way in. Nothing may outlast the transaction. */
const settings = `
set local datestyle = 'ISO, YMD';
set local intervalstyle = 'postgres';
set local timezone = 'UTC';
set local extra_float_digits = 3;
set local bytea_output = 'hex';
set local standard_conforming_strings = on;
set local jit = off;
set local row_security = off;
set local lock_timeout = ${lockPatience};
set local statement_timeout = ${readingTime};
set local idle_in_transaction_session_timeout = 60000;
`;

/** Another transaction was there first: serialization_failure, and two that wait for each other. */
export const conflicts: readonly string[] = ["40001", sqlstates.deadlockDetected];

function isDisturbance(error: unknown): boolean {
  const state = sqlstateOf(error) ?? "";
  return error instanceof Disturbed || state === sqlstates.lockNotAvailable || conflicts.includes(state);
}

/**
 * A connection on which things are tried and never kept: transactions that always end with a rollback. Statements of the
 * session's own run with row security off, so that what a policy would hide from its role makes them fail.
 */
export class ProbeSession {
  readonly client: Client;
  readonly #searchPath: string;
  readonly #signal: AbortSignal | undefined;
  #round = 1;

  /** @param searchPath what the API sets, as a list of schemas */
  constructor(client: Client, searchPath: string, signal: AbortSignal | undefined) {
    this.client = client;
    this.#searchPath = searchPath;
    this.#signal = signal;
  }

  /** Whether what others hold now will not be waited for again. */
  get isLastRound(): boolean {
    return this.#round >= rounds;
  }

  /**
   * Runs work in a transaction that is rolled back. Where others get in the way it is tried again.
   * @throws Disturbed when they did every time
   */
  async inTransaction<Result>(work: () => Promise<Result>): Promise<Result> {
    for (this.#round = 1; ; this.#round++) {
      stopWhenAborted(this.#signal, "Nothing was changed.");
      await this.client.query(`begin isolation level repeatable read; ${settings}`);
      try {
        await this.client.query("select set_config('search_path', $1, true)", [this.#searchPath]);
        return await work();
      } catch (error) {
        stopWhenAborted(this.#signal, "Nothing was changed.", error);
        if (!isDisturbance(error)) throw error;
        if (this.isLastRound) throw error instanceof Disturbed ? error : new Disturbed(messageOf(error));
      } finally {
        // Where the connection is gone the query's own error says so, and the server rolls back by itself.
        await this.client.query("rollback").catch(() => {});
      }
      await sleep(lockPatience);
    }
  }

  /** Runs work whose effects, settings included, are taken back at once. */
  async aside<Result>(work: () => Promise<Result>): Promise<Result> {
    await this.client.query("savepoint pantler_probe");
    try {
      return await work();
    } finally {
      await this.#takeBack();
    }
  }

  /** Becomes somebody for the rest of the transaction, or of `aside`. */
  async become(identity: Identity): Promise<void> {
    await actAs(this.client, identity);
    await this.client.query(`set local row_security = on; set local statement_timeout = ${tryingTime}`);
  }

  /**
   * Becomes somebody who only reads: the server itself refuses whatever writes.
   * @throws what `become` throws
   */
  async becomeReader(identity: Identity): Promise<void> {
    await this.client.query("set local transaction_read_only = on");
    await actAs(this.client, identity);
    await this.client.query(`set local row_security = on; set local statement_timeout = ${readingTime}`);
  }

  /** Tries a statement and takes it back. */
  async attempt(text: string, values: readonly unknown[] = []): Promise<Attempt> {
    try {
      // Together with its savepoint where that is possible: a matrix is thousands of these.
      if (values.length > 0) await this.client.query("savepoint pantler_probe");
      const statement = values.length > 0 ? text : `savepoint pantler_probe; ${text}`;
      // The driver gives a list for more than one statement, which its types do not tell.
      const result: unknown = await this.client.query(statement, [...values]);
      const last = (Array.isArray(result) ? result.at(-1) : result) as QueryResult | undefined;
      return { rows: last?.rows ?? [], count: last?.rowCount ?? 0 };
    } catch (error) {
      if (!(error instanceof pg.DatabaseError) || isConnectionLoss(error)) throw error;
      stopWhenAborted(this.#signal, "Nothing was changed.", error);
      return { refusal: error };
    } finally {
      await this.#takeBack();
    }
  }

  async #takeBack(): Promise<void> {
    // Without the release an outer one of the same name could not be reached any more.
    await this.client
      .query("rollback to savepoint pantler_probe; release savepoint pantler_probe")
      .catch(() => {});
  }
}

type QueryResult = pg.QueryResult<Record<string, unknown>>;
