/** The first buffer begins this small, in bytes, and grows: most files are far smaller than a piece may be. */
const firstSize = 64 * 1024;

/**
 * Cuts a stream of bytes anew, so that whoever writes or encrypts meets pieces of one size however the bytes arrive.
 * @param size of every piece but the last, in bytes
 * @param buffers how many buffers take turns: a piece is the reader's until this many others were asked for; without
 * it each is the reader's to keep
 * @returns no piece is empty, and empty content has none
 */
export async function* pieces(
  content: AsyncIterable<Uint8Array>,
  size: number,
  buffers?: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const inTurn: Buffer[] = [];
  let turn = 0;
  let piece: Buffer = Buffer.alloc(0);
  let filled = 0;
  let expected = Math.min(firstSize, size);
  for await (const chunk of content) {
    for (let from = 0; from < chunk.length; ) {
      if (filled === 0 && chunk.length - from >= size) {
        yield chunk.subarray(from, from + size);
        from += size;
        continue;
      }
      if (filled === 0) piece = inTurn[turn] ?? Buffer.allocUnsafeSlow(expected);
      const taken = Math.min(size - filled, chunk.length - from);
      if (piece.length < filled + taken) piece = larger(piece, filled, filled + taken, size);
      piece.set(chunk.subarray(from, from + taken), filled);
      filled += taken;
      from += taken;
      if (filled < size) continue;
      if (buffers !== undefined) {
        inTurn[turn] = piece;
        turn = (turn + 1) % buffers;
      }
      yield piece;
      filled = 0;
      expected = size;
    }
  }
  if (filled > 0) yield piece.subarray(0, filled);
}

function larger(buffer: Buffer, filled: number, needed: number, most: number): Buffer {
  const copy = Buffer.allocUnsafeSlow(Math.min(most, Math.max(needed, 2 * buffer.length)));
  buffer.copy(copy, 0, 0, filled);
  return copy;
}
