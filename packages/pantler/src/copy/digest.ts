/**
 * The fingerprint of a table's rows, whatever their order: how many there are, and the sum and the exclusive or of
 * their 64-bit hashes. Digests of parts of a table add up to that of the table.
 */
export interface Digest {
  readonly rows: bigint;
  readonly sum: bigint;
  readonly xor: bigint;
}

/** The digest of no rows. */
export const emptyDigest: Digest = { rows: 0n, sum: 0n, xor: 0n };

/** The digest of two sets of rows together. */
export function addDigests(left: Digest, right: Digest): Digest {
  return { rows: left.rows + right.rows, sum: left.sum + right.sum, xor: left.xor ^ right.xor };
}

/** A digest as one word, for manifests and for people; equal exactly when the digests are. */
export function digestText({ rows, sum, xor }: Digest): string {
  return `${rows}:${sum.toString(16)}:${BigInt.asUintN(64, xor).toString(16).padStart(16, "0")}`;
}

/** Reads back what `digestText` wrote. */
export function parseDigest(text: string): Digest {
  const [rows = "", sum = "", xor = ""] = text.split(":");
  const negative = sum.startsWith("-");
  const size = BigInt(`0x${negative ? sum.slice(1) : sum}`);
  return { rows: BigInt(rows), sum: negative ? -size : size, xor: BigInt.asIntN(64, BigInt(`0x${xor}`)) };
}
