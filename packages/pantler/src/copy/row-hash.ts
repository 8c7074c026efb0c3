/** The first state of all three words, before the length is added (hash_bytes_extended in the server's common/hashfn.c). */
const initial = 0x9e3779b9 + 3923095;

/** Where the two halves of the last hash are left; an object for each of millions of rows would cost more than the hash. */
const result = new Int32Array(2);

/**
 * The 64-bit hash that `hashtextextended(text, 0)` computes on the server for a text in a deterministic collation:
 * Bob Jenkins' lookup3 over its bytes.
 * @param words the bytes, from the beginning of the buffer, as little-endian 32-bit words; what follows them in the
 * last word is not looked at
 * @param length how many bytes
 * @returns the high and the low half, in an array that the next call overwrites
 */
export function hashBytes(words: Int32Array, length: number): Int32Array {
  let a = (initial + length) | 0;
  let b = a;
  let c = a;
  let left = length;
  let at = 0;
  while (left >= 12) {
    a = (a + word(words, at)) | 0;
    b = (b + word(words, at + 1)) | 0;
    c = (c + word(words, at + 2)) | 0;
    a = (a - c) ^ ((c << 4) | (c >>> 28));
    c = (c + b) | 0;
    b = (b - a) ^ ((a << 6) | (a >>> 26));
    a = (a + c) | 0;
    c = (c - b) ^ ((b << 8) | (b >>> 24));
    b = (b + a) | 0;
    a = (a - c) ^ ((c << 16) | (c >>> 16));
    c = (c + b) | 0;
    b = (b - a) ^ ((a << 19) | (a >>> 13));
    a = (a + c) | 0;
    c = (c - b) ^ ((b << 4) | (b >>> 28));
    b = (b + a) | 0;
    at += 3;
    left -= 12;
  }
  // The lowest byte of the third word stays free, as lookup3 once kept the length there.
  if (left > 8) c = (c + (bytesOf(words, at + 2, left - 8) << 8)) | 0;
  if (left > 4) b = (b + bytesOf(words, at + 1, left - 4)) | 0;
  if (left > 0) a = (a + bytesOf(words, at, left)) | 0;
  c = (c ^ b) - ((b << 14) | (b >>> 18));
  a = (a ^ c) - ((c << 11) | (c >>> 21));
  b = (b ^ a) - ((a << 25) | (a >>> 7));
  c = (c ^ b) - ((b << 16) | (b >>> 16));
  a = (a ^ c) - ((c << 4) | (c >>> 28));
  b = (b ^ a) - ((a << 14) | (a >>> 18));
  c = (c ^ b) - ((b << 24) | (b >>> 8));
  result[0] = b;
  result[1] = c;
  return result;
}

function word(words: Int32Array, at: number): number {
  return words[at] as number;
}

/** The lowest bytes of a word, at most four of them. */
function bytesOf(words: Int32Array, at: number, count: number): number {
  const whole = word(words, at);
  return count >= 4 ? whole : whole & ((1 << (count * 8)) - 1);
}
