import type { ServerError } from "./wire-protocol.js";

/** What a dump that did not come about leaves. */
export const unchanged = "Nothing was changed; a dump only reads.";

/** pg_dump gave up. */
export class PgDumpFailure extends Error {
  override readonly name = "PgDumpFailure";
  /** What pg_dump wrote to its error output. */
  readonly lines: readonly string[];
  /** What the server refused, where that is known. */
  readonly said: ServerError | undefined;

  /** @param printed what pg_dump wrote to its error output */
  constructor(printed: string, said: ServerError | undefined) {
    const lines = linesOf(printed);
    super(lines[0] ?? "pg_dump says nothing of why it ended");
    this.lines = lines;
    this.said = said;
  }
}

/**
 * The bundled pg_dump's lines come without line breaks between them, each with the program's name before it, and after
 * words of the library that runs it.
 */
function linesOf(printed: string): string[] {
  const lines = printed
    .split(/\n|(?=pg_dump: (?:error|warning|detail|hint): )/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const own = lines.filter((line) => line.startsWith("pg_dump: "));
  return own.length > 0 ? lines.slice(lines.indexOf(own[0] ?? "")) : lines;
}
