import type { ServerError } from "./wire-protocol.js";

/** What a dump that did not come about leaves. */
export const unchanged = "Nothing was changed; a dump only reads.";

/** pg_dump gave up. */
export class PgDumpFailure extends Error {
  override readonly name = "PgDumpFailure";
  /** What the server refused, where that is known. */
  readonly said: ServerError | undefined;

  /** @param printed what pg_dump wrote to its error output */
  constructor(printed: string, said: ServerError | undefined) {
    super(printed);
    this.said = said;
  }
}
