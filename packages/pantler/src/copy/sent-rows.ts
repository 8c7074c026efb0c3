import type { Readable } from "node:stream";
import type { Submittable } from "pg";
import { type CopyToStreamQuery, to as copyTo } from "pg-copy-streams";
import type { Client } from "../postgres/index.js";

/** The rows that a `copy … to stdout` sends, and what the server says about them afterwards. */
export interface SentRows {
  readonly rows: Readable;
  /** How many rows the server counted; rejected when it reports an error, be it after the last row. */
  readonly count: Promise<number>;
  /** Ends a copy that is under way, and the connection with it; does nothing once the server is done. */
  readonly stop: () => Promise<void>;
}

/** What the driver calls on a query that was sent; its types name only `submit`. */
interface Answered extends Submittable {
  handleError(error: Error): void;
  handleCommandComplete(message: unknown): void;
  handleReadyForQuery(): void;
}

/** So many bytes are read ahead of the receiver. */
const bufferedBytes = 256 * 1024;

/**
 * Sends a `copy … to stdout`. pg-copy-streams ends its stream with the last row, when neither the number of rows nor an
 * error after them has come in yet; therefore the driver's calls go through here.
 */
export function sendRows(client: Client, statement: string): SentRows {
  const rows = copyTo(statement, { highWaterMark: bufferedBytes });
  const { handleCommandComplete } = rows as CopyToStreamQuery & Answered;
  let answered = false;
  const count = new Promise<number>((resolve, reject) => {
    const answers: Answered = {
      submit: (connection) => rows.submit(connection),
      handleError: (error) => {
        answered = true;
        reject(error);
        rows.destroy(error);
      },
      handleCommandComplete: (message) => handleCommandComplete.call(rows, message),
      handleReadyForQuery: () => {
        answered = true;
        resolve(rows.rowCount);
      },
    };
    client.query(answers);
  });
  // An error also ends the rows, and is met there first.
  count.catch(() => {});
  return {
    rows,
    count,
    stop: async () => {
      if (!answered) await client.end();
    },
  };
}
