import type { Digest } from "./digest.js";
import { hashBytes } from "./row-hash.js";

const backspace = 0x08;
const tab = 0x09;
const newline = 0x0a;
const quote = 0x22;
const open = 0x28;
const close = 0x29;
const comma = 0x2c;
const backslash = 0x5c;
const letterB = 0x62;
const letterN = 0x4e;

/** What a backslash and a letter stand for in COPY's text format (https://www.postgresql.org/docs/17/sql-copy.html). */
const escapes = new Uint8Array(256);
for (let byte = 0; byte < 256; byte += 1) escapes[byte] = byte;
for (const [letter, byte] of Object.entries({ b: 8, f: 12, n: 10, r: 13, t: 9, v: 11 })) {
  escapes[letter.charCodeAt(0)] = byte;
}

/**
 * Bytes that end a run of ordinary ones. A value with one of them is quoted in a row's text, as is an empty one
 * (record_out in the server's utils/adt/rowtypes.c); tab, newline and backslash are COPY's own.
 */
const special = new Uint8Array(256);
for (const byte of [tab, newline, 11, 12, 13, 32, quote, open, close, comma, backslash]) special[byte] = 1;

/** Sums are carried into a big integer after this many rows, before the parts lose precision: 2^20 of 2^32. */
const carryEvery = 2 ** 20;

/**
 * A row of more bytes than this is left to the server to digest: the hash begins with the length, so here a row has to
 * be held as a whole, and that up to five times over.
 */
const longestRow = 4 * 1024 * 1024;

/**
 * Computes a table's digest from the bytes of `copy … to stdout` in text format, equal to what the server computes
 * from the same columns with `hashtextextended(row(…)::text collate "C", 0)`. Each line is turned from COPY's way
 * of writing a row into that of a row's text, and hashed.
 */
export class RowDigester {
  readonly #columns: number;
  #bytes = new Uint8Array(256 * 1024);
  #words = new Int32Array(this.#bytes.buffer);
  /** The beginning of a row whose end has not come yet, in pieces. */
  #begun: Uint8Array[] = [];
  #begunBytes = 0;
  #rows = 0n;
  #pendingRows = 0;
  #sum = 0n;
  #sumHigh = 0;
  #sumLow = 0;
  #xorHigh = 0;
  #xorLow = 0;
  #overflowed = false;

  /** @param columns how many columns are copied; without any every line is an empty row */
  constructor(columns: number) {
    this.#columns = columns;
  }

  /** Whether a row was too long to be digested here; the digest then has to come from the server. */
  get overflowed(): boolean {
    return this.#overflowed;
  }

  /** How many rows were seen. */
  get rows(): number {
    return Number(this.#rows) + this.#pendingRows;
  }

  /** Takes the next bytes of the stream; they may begin and end anywhere. */
  add(chunk: Uint8Array): void {
    let from = 0;
    if (this.#begunBytes > 0) {
      from = chunk.indexOf(newline) + 1;
      if (from === 0) {
        this.#keep(chunk);
        return;
      }
      this.#keep(chunk.subarray(0, from));
      this.#addBegun();
    }
    const end = chunk.lastIndexOf(newline) + 1;
    if (end > from) this.#addLines(chunk, from, end);
    if (Math.max(end, from) < chunk.length) this.#keep(chunk.subarray(Math.max(end, from)));
  }

  /**
   * The digest of all rows.
   * @throws Error when the last line has no end, or a row was too long: ask `overflowed` first
   */
  finish(): Digest {
    if (this.#begunBytes > 0) throw new Error("the rows end in the middle of one");
    if (this.#overflowed) throw new Error("a row was too long to be digested here");
    this.#carry();
    const xor = BigInt.asIntN(64, (BigInt(this.#xorHigh) << 32n) | BigInt(this.#xorLow >>> 0));
    return { rows: this.#rows, sum: this.#sum, xor };
  }

  #keep(piece: Uint8Array): void {
    this.#begunBytes += piece.length;
    if (this.#begunBytes > longestRow) this.#begun = [];
    // A copy, since the chunk belongs to the stream and its receiver; `slice` of a Buffer would not be one.
    else this.#begun.push(new Uint8Array(piece));
  }

  #addBegun(): void {
    if (this.#begunBytes > longestRow) {
      this.#overflowed = true;
      this.#countRow();
    } else {
      this.#addLines(Buffer.concat(this.#begun, this.#begunBytes), 0, this.#begunBytes);
    }
    this.#begun = [];
    this.#begunBytes = 0;
  }

  #carry(): void {
    this.#sum += BigInt(this.#sumHigh) * 2n ** 32n + BigInt(this.#sumLow);
    this.#rows += BigInt(this.#pendingRows);
    this.#sumHigh = 0;
    this.#sumLow = 0;
    this.#pendingRows = 0;
  }

  #addRow(length: number): void {
    const [high = 0, low = 0] = hashBytes(this.#words, length);
    this.#sumHigh += high;
    this.#sumLow += low >>> 0;
    this.#xorHigh ^= high;
    this.#xorLow ^= low;
    this.#countRow();
  }

  #countRow(): void {
    this.#pendingRows += 1;
    if (this.#pendingRows === carryEvery) this.#carry();
  }

  /** Digests complete lines. Every byte is touched once, save those of a value that turns out to need quotes. */
  #addLines(source: Uint8Array, from: number, to: number): void {
    let at = from;
    while (at < to) {
      // An empty value and the tab after it, one byte, become two quotes and a comma; nothing grows more than that.
      if (this.#bytes.length < 3 * (to - at) + 3) {
        this.#makeRoom(3 * (source.indexOf(newline, at) + 1 - at) + 3);
      }
      at = this.#addLine(source, at);
    }
  }

  /** Digests the line that begins at `from`, for which there is room. Returns where the next one begins. */
  #addLine(source: Uint8Array, from: number): number {
    const target = this.#bytes;
    let at = from;
    let out = 0;
    target[out++] = open;
    if (this.#columns === 0) {
      target[out++] = close;
      this.#addRow(out);
      return at + 1;
    }
    for (;;) {
      const begin = at;
      const valueBegin = out;
      let byte = source[at] as number;
      for (;;) {
        while (special[byte] === 0) {
          target[out++] = byte;
          byte = source[++at] as number;
        }
        // A backspace is the one character that COPY escapes and a row's text does not quote.
        if (byte !== backslash || source[at + 1] !== letterB) break;
        target[out++] = backspace;
        at += 2;
        byte = source[at] as number;
      }
      if ((byte !== tab && byte !== newline) || at === begin) {
        const isNull = byte === backslash && at === begin && source[at + 1] === letterN;
        if (isNull) {
          at += 2;
        } else {
          // The value needs quotes: what was copied of it moves on by one.
          target.copyWithin(valueBegin + 1, valueBegin, out);
          target[valueBegin] = quote;
          out += 1;
          for (; ; at += 1) {
            byte = source[at] as number;
            if (byte === tab || byte === newline) break;
            if (byte === backslash) byte = escapes[source[++at] as number] as number;
            if (byte === quote || byte === backslash) target[out++] = byte;
            target[out++] = byte;
          }
          target[out++] = quote;
        }
        byte = source[at] as number;
      }
      at += 1;
      if (byte === newline) break;
      target[out++] = comma;
    }
    target[out++] = close;
    this.#addRow(out);
    return at;
  }

  #makeRoom(bytes: number): void {
    if (bytes <= this.#bytes.length) return;
    this.#bytes = new Uint8Array(Math.ceil(bytes / 65_536) * 65_536);
    this.#words = new Int32Array(this.#bytes.buffer);
  }
}
