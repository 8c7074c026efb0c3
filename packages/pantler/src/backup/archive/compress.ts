import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { constants, createGzip, deflateRawSync, gzip, type ZlibOptions } from "node:zlib";

/** The fastest level: on rows it is hardly worse than the others and several times faster. */
const usual: ZlibOptions = { level: 1, chunkSize: 256 * 1024 };

/** Without looking for what was there before, which random text does not repeat: a third of the time for nearly the same size. */
const repeatless: ZlibOptions = { ...usual, strategy: constants.Z_HUFFMAN_ONLY };

/** So much, in bytes, is looked at before a way is chosen; less than this is compressed in one go. */
const sampleSize = 256 * 1024;

/** How much larger, at most, the quicker way may leave it. */
const tolerated = 1.05;

const gzipAtOnce = promisify(gzip);

/**
 * Compresses content for whoever writes it, as gzip does.
 * @param content is asked for no more than the writer takes
 * @param write consumes what is compressed
 * @returns what the writer returned
 */
export async function compress<Written>(
  content: AsyncIterable<Uint8Array>,
  write: (compressed: AsyncIterable<Uint8Array>) => Promise<Written>,
): Promise<Written> {
  const chunks = content[Symbol.asyncIterator]();
  try {
    const { sample, isAll } = await takeSample(chunks);
    if (isAll) return await write(one(await gzipAtOnce(sample, usual)));
    const written: Written[] = [];
    await pipeline(
      resume(sample, chunks),
      createGzip(choose(sample)),
      async (compressed: AsyncIterable<Buffer>) => {
        written.push(await write(compressed));
      },
    );
    return written[0] as Written;
  } finally {
    await chunks.return?.();
  }
}

/** Chooses how to compress by what it would do to a sample. */
function choose(sample: Uint8Array): ZlibOptions {
  const thorough = deflateRawSync(sample, usual).length;
  return deflateRawSync(sample, repeatless).length <= thorough * tolerated ? repeatless : usual;
}

async function takeSample(
  chunks: AsyncIterator<Uint8Array>,
): Promise<{ readonly sample: Buffer; readonly isAll: boolean }> {
  const taken: Uint8Array[] = [];
  for (let bytes = 0; bytes < sampleSize; ) {
    const { value, done } = await chunks.next();
    if (done) return { sample: Buffer.concat(taken), isAll: true };
    // The chunk may be used again by whoever gave it.
    taken.push(Uint8Array.from(value));
    bytes += value.length;
  }
  return { sample: Buffer.concat(taken), isAll: false };
}

async function* resume(sample: Uint8Array, chunks: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield sample;
  for (;;) {
    const { value, done } = await chunks.next();
    if (done) return;
    yield value;
  }
}

async function* one(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content;
}
