/** The longest header that is read, in bytes; one for a hundred recipients of the longest kind is shorter. */
const longestHeader = 256 * 1024;

/** What the last line of a header begins with (https://c2sp.org/age#header). */
const lastLine = "\n--- ";

/** An age file in its parts. */
export interface AgeFile {
  readonly header: Uint8Array;
  /** The first bytes after the header. */
  readonly next: Uint8Array;
  readonly rest: AsyncIterable<Uint8Array>;
}

/**
 * Reads the header of an age file.
 * @param chunks the file's bytes; whoever gave them has to end them when not all are read
 * @param size how many bytes after the header are wanted apart from the rest
 * @throws Error when the file ends before that, or is none of age
 */
export async function readHeader(chunks: AsyncIterator<Uint8Array>, size: number): Promise<AgeFile> {
  let read = Buffer.alloc(0);
  for (;;) {
    const end = headerEnd(read);
    if (end !== undefined && read.length >= end + size) {
      const rest = resume(read.subarray(end + size), chunks);
      return { header: read.subarray(0, end), next: read.subarray(end, end + size), rest };
    }
    if (read.length > longestHeader) throw new Error("it has no header of age");
    const { value, done } = await chunks.next();
    if (done) throw new Error("it ends in its header");
    read = Buffer.concat([read, value]);
  }
}

/** Where the header ends, undefined when that is not yet to be seen. */
function headerEnd(read: Buffer): number | undefined {
  const start = read.indexOf(lastLine);
  const end = start === -1 ? -1 : read.indexOf("\n", start + lastLine.length);
  return end === -1 ? undefined : end + 1;
}

async function* resume(
  first: Uint8Array,
  chunks: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (first.length > 0) yield first;
  for (;;) {
    const { value, done } = await chunks.next();
    if (done) return;
    yield value;
  }
}
