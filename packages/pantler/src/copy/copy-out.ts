import { pipeline } from "node:stream/promises";
import type { Client } from "../postgres/index.js";
import type { Digest } from "./digest.js";
import { type Part, rowsOfPart } from "./parts.js";
import { RowDigester } from "./row-digester.js";
import { sendRows } from "./sent-rows.js";
import { digestPart } from "./server-digest.js";
import { sqlColumns, sqlName } from "./tables.js";

export interface CopiedPart<Written> {
  readonly digest: Digest;
  /** How many bytes of COPY text there were. */
  readonly bytes: number;
  /** What the receiver returned. */
  readonly written: Written;
}

/**
 * Streams the rows of a part, in COPY's text format, to a receiver, and digests them on the way. No more is read from
 * the server than the receiver takes. When it fails, the connection is closed unless the server had ended the copy by
 * itself: nothing else stops one that is under way.
 * @param receive consumes the bytes to their end; it ends before this does
 * @param onBytes is told of every chunk's size, in bytes
 * @throws the server's errors, what the receiver throws, and Error when it stopped early or the server counted other
 * rows than arrived
 */
export async function copyOut<Written>(
  client: Client,
  part: Part,
  receive: (rows: AsyncIterable<Buffer>) => Promise<Written>,
  onBytes: (bytes: number) => void = () => {},
): Promise<CopiedPart<Written>> {
  const digester = new RowDigester(part.table.columns.length);
  const sent = sendRows(client, copyStatement(part));
  let bytes = 0;
  const written: Written[] = [];
  try {
    await pipeline(
      sent.rows,
      async function* digested(chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          digester.add(chunk);
          bytes += chunk.length;
          onBytes(chunk.length);
          yield chunk;
        }
      },
      async (chunks: AsyncIterable<Buffer>) => {
        written.push(await receive(chunks));
      },
    );
    if (!sent.rows.readableEnded) throw new Error(`${sqlName(part.table)}: not all rows were received`);
    const counted = await sent.count;
    if (counted !== digester.rows) {
      throw new Error(
        `${sqlName(part.table)}: the server sent ${counted} rows, and ${digester.rows} arrived`,
      );
    }
  } catch (error) {
    await sent.stop();
    throw error;
  }
  const digest = digester.overflowed ? await digestPart(client, part) : digester.finish();
  return { digest, bytes, written: written[0] as Written };
}

function copyStatement(part: Part): string {
  const { table } = part;
  const columns = sqlColumns(table.columns);
  const rows = rowsOfPart(part);
  // A list of no columns cannot be written, and a plain COPY of such a table writes its empty lines.
  if (rows === undefined) return `copy ${sqlName(table)} ${columns && `(${columns})`} to stdout`;
  return `copy (select ${columns} from only ${sqlName(table)} where ${rows}) to stdout`;
}
