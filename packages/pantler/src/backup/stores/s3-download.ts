import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { GetObjectCommand, type GetObjectCommandOutput } from "@aws-sdk/client-s3";
import { messageOf } from "../../operation/index.js";
import type { S3Bucket } from "./s3-bucket.js";
import { isMissingKey, unreachable } from "./s3-problem.js";

/** How long to wait before a download that broke off goes on, in milliseconds; one that gets nothing more ends after these. */
const pauses = [100, 400, 1600, 5000];

/**
 * Opens an object for reading. A connection that breaks is replaced where it broke off; a stream that ends without an
 * error gave every byte.
 * @returns undefined when there is no such object
 */
export async function downloadObject(bucket: S3Bucket, key: string): Promise<Readable | undefined> {
  const first = await open(bucket, key, undefined);
  if (first === undefined) return undefined;
  const download = new Download(bucket, key, first);
  const stream = Readable.from(download.bytes(), { objectMode: false });
  // A reader that gives up early, or never begins, would otherwise keep the connection.
  stream.once("close", () => download.close());
  return stream;
}

class Download {
  readonly #bucket: S3Bucket;
  readonly #key: string;
  readonly #etag: string | undefined;
  readonly #size: number;
  #body: Readable;

  constructor(bucket: S3Bucket, key: string, first: GetObjectCommandOutput) {
    this.#bucket = bucket;
    this.#key = key;
    this.#etag = first.ETag;
    if (first.ContentLength === undefined) throw this.#broken("it does not say how long it is");
    this.#size = first.ContentLength;
    this.#body = bodyOf(first);
  }

  async *bytes(): AsyncGenerator<Uint8Array, void, undefined> {
    let offset = 0;
    for (let failures = 0; ; failures += 1) {
      const ending = { why: "the answer ended" };
      for await (const chunk of untilItEnds(this.#body, ending)) {
        offset += chunk.length;
        failures = 0;
        yield chunk;
      }
      if (offset === this.#size) return;
      const pause = pauses[failures];
      if (pause === undefined || offset > this.#size) {
        throw this.#broken(`${offset} of ${this.#size} bytes came, then ${ending.why}`);
      }
      await sleep(pause);
      this.#body = await this.#goOn(offset);
    }
  }

  close(): void {
    this.#body.destroy();
  }

  async #goOn(offset: number): Promise<Readable> {
    const found = await open(this.#bucket, this.#key, { offset, etag: this.#etag });
    if (found === undefined) throw this.#broken("it was removed while it was read");
    const goesOn = found.ETag === this.#etag && found.ContentRange?.startsWith(`bytes ${offset}-`);
    if (goesOn) return bodyOf(found);
    bodyOf(found).destroy();
    throw this.#broken("the service cannot go on where it broke off");
  }

  #broken(why: string): Error {
    return unreachable(this.#bucket.location, `${this.#key} broke off: ${why}`);
  }
}

async function open(
  bucket: S3Bucket,
  key: string,
  from: { readonly offset: number; readonly etag: string | undefined } | undefined,
): Promise<GetObjectCommandOutput | undefined> {
  const command = new GetObjectCommand({
    Bucket: bucket.name,
    Key: key,
    ...(from && { Range: `bytes=${from.offset}-`, IfMatch: from.etag }),
  });
  return await bucket.request("s3:GetObject", async (client) => {
    try {
      return await client.send(command);
    } catch (error) {
      if (isMissingKey(error)) return undefined;
      throw error;
    }
  });
}

/** In Node the body of an answer is a stream; other platforms have other types. */
function bodyOf({ Body: body }: GetObjectCommandOutput): Readable {
  if (body instanceof Readable) return body;
  throw new TypeError("the body of an answer is no stream");
}

/** What comes until no more does, be it because all came or the connection broke, which is told in `ending`. */
async function* untilItEnds(
  body: Readable,
  ending: { why: string },
): AsyncGenerator<Buffer, void, undefined> {
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) yield chunk;
  } catch (error) {
    ending.why = messageOf(error);
  }
}
