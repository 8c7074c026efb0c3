/**
 * Cuts a stream of bytes anew, so that whoever writes or encrypts meets pieces of one size however the bytes arrive.
 * @param size of every piece but the last, in bytes
 * @returns pieces that are the reader's to keep; no piece is empty, and empty content has none
 */
export async function* pieces(
  content: AsyncIterable<Uint8Array>,
  size: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let piece: Buffer | undefined;
  let filled = 0;
  for await (const chunk of content) {
    for (let from = 0; from < chunk.length; ) {
      if (filled === 0 && chunk.length - from >= size) {
        yield chunk.subarray(from, from + size);
        from += size;
        continue;
      }
      piece ??= Buffer.allocUnsafeSlow(size);
      const taken = Math.min(size - filled, chunk.length - from);
      piece.set(chunk.subarray(from, from + taken), filled);
      filled += taken;
      from += taken;
      if (filled === size) {
        yield piece;
        piece = undefined;
        filled = 0;
      }
    }
  }
  if (piece !== undefined && filled > 0) yield piece.subarray(0, filled);
}
