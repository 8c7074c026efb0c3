import type { Readable } from "node:stream";
import { AbortMultipartUploadCommand, DeleteObjectCommand } from "@aws-sdk/client-s3";
import { inParallel } from "../../copy/index.js";
import type { StoreSettings } from "../../project/index.js";
import { bucketOf, type S3Bucket } from "./s3-bucket.js";
import { createS3Client } from "./s3-client.js";
import { downloadObject } from "./s3-download.js";
import { listObjects, listUnfinishedUploads } from "./s3-listing.js";
import { isMissingKey, isMissingUpload } from "./s3-problem.js";
import { uploadObject } from "./s3-upload.js";
import {
  checkName,
  isSafeName,
  missingFile,
  type Store,
  type StoredFile,
  type WrittenFile,
} from "./store.js";

/** How many objects are removed at a time: one by one, since not every service can remove several by one request. */
const removals = 8;

/**
 * Opens a bucket, or what is below a prefix in it, as a store.
 * @throws InputError `store-region-missing`
 */
export async function openS3Store(settings: Extract<StoreSettings, { kind: "s3" }>): Promise<Store> {
  const { bucket, prefix, endpoint, region } = settings;
  const client = await createS3Client(endpoint, region);
  const address = `s3://${bucket}${prefix && `/${prefix}`}`;
  const location = endpoint === undefined ? address : `${address} at ${new URL(endpoint).host}`;
  return new S3Store(bucketOf(client, bucket, location), prefix && `${prefix}/`);
}

class S3Store implements Store {
  readonly location: string;
  readonly folder = undefined;
  readonly #bucket: S3Bucket;
  /** What all keys begin with; empty, or with a slash at its end. */
  readonly #root: string;

  constructor(bucket: S3Bucket, root: string) {
    this.location = bucket.location;
    this.#bucket = bucket;
    this.#root = root;
  }

  async folders(): Promise<string[]> {
    const found: string[] = [];
    for await (const page of listObjects(this.#bucket, this.#root, "/")) {
      for (const { Prefix: prefix = "" } of page.CommonPrefixes ?? []) {
        found.push(prefix.slice(this.#root.length, -1));
      }
    }
    return found.filter(isSafeName).sort();
  }

  async list(folder: string): Promise<StoredFile[]> {
    const found: StoredFile[] = [];
    for await (const page of listObjects(this.#bucket, `${this.#key(folder)}/`)) {
      for (const { Key: key = "", Size: bytes = 0, LastModified: modified = new Date(0) } of page.Contents ??
        []) {
        const name = key.slice(this.#root.length);
        // Consoles make objects that end in a slash to show empty folders.
        if (isSafeName(name)) found.push({ name, bytes, modified });
      }
    }
    return found.sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  async write(name: string, content: AsyncIterable<Uint8Array>): Promise<WrittenFile> {
    return await uploadObject(this.#bucket, this.#key(name), content);
  }

  async read(name: string): Promise<Readable> {
    const stream = await downloadObject(this.#bucket, this.#key(name));
    if (stream === undefined) throw missingFile(name, this.location);
    return stream;
  }

  async remove(names: readonly string[]): Promise<void> {
    const keys = names.map((name) => this.#key(name));
    const lanes = Array.from({ length: removals }, (_, lane) => lane);
    await inParallel(
      lanes,
      keys,
      async (_, key) => await this.#removeObject(key),
      async () => {},
    );
  }

  async sweep(age: number): Promise<number> {
    const before = Date.now() - age;
    let removed = 0;
    for await (const { key, uploadId, started } of listUnfinishedUploads(this.#bucket, this.#root)) {
      if (started.getTime() > before) continue;
      const command = new AbortMultipartUploadCommand({
        Bucket: this.#bucket.name,
        Key: key,
        UploadId: uploadId,
      });
      await this.#bucket.request("s3:AbortMultipartUpload", async (client) => {
        try {
          await client.send(command);
          removed += 1;
        } catch (error) {
          // Somebody else was faster, or it was finished just now.
          if (!isMissingUpload(error)) throw error;
        }
      });
    }
    return removed;
  }

  async #removeObject(key: string): Promise<void> {
    const command = new DeleteObjectCommand({ Bucket: this.#bucket.name, Key: key });
    await this.#bucket.request("s3:DeleteObject", async (client) => {
      try {
        await client.send(command);
      } catch (error) {
        // Amazon's says nothing of an object that is not there, others do.
        if (!isMissingKey(error)) throw error;
      }
    });
  }

  #key(name: string): string {
    return this.#root + checkName(name);
  }
}
