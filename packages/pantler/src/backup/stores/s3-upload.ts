import { createHash } from "node:crypto";
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { EnvironmentError } from "../../operation/index.js";
import { pieces } from "../archive/pieces.js";
import type { S3Bucket } from "./s3-bucket.js";
import { isMissingUpload } from "./s3-problem.js";
import type { WrittenFile } from "./store.js";

/** Some services want all parts but the last to have one size. */
const partSize = 8 * 1024 * 1024;

/** While one is sent the next is filled. */
const partsInMemory = 2;

/** S3 takes no more parts for one object. */
const mostParts = 10_000;

/** One object that is being written. */
interface Upload {
  readonly bucket: S3Bucket;
  readonly key: string;
  readonly uploadId: string;
}

/**
 * Writes an object, in parts unless it is small. It is there when all of it is, and only then.
 * @throws EnvironmentError of the bucket, `store-file-too-large`, `store-incomplete`; what the content throws
 */
export async function uploadObject(
  bucket: S3Bucket,
  key: string,
  content: AsyncIterable<Uint8Array>,
): Promise<WrittenFile> {
  const hash = createHash("sha256");
  let bytes = 0;
  const parts = counted(pieces(content, partSize, partsInMemory), (part) => {
    hash.update(part);
    bytes += part.length;
  });
  const first = await parts.next();
  const etag =
    first.done || first.value.length < partSize
      ? await putWhole(bucket, key, first.done ? new Uint8Array() : first.value)
      : await putInParts(bucket, key, first.value, parts);
  await compareSize(bucket, key, bytes, etag);
  return { bytes, sha256: hash.digest("hex") };
}

async function* counted(
  parts: AsyncIterable<Uint8Array>,
  count: (part: Uint8Array) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const part of parts) {
    count(part);
    yield part;
  }
}

async function putWhole(bucket: S3Bucket, key: string, body: Uint8Array): Promise<string | undefined> {
  const command = new PutObjectCommand({ Bucket: bucket.name, Key: key, Body: body });
  return (await bucket.request("s3:PutObject", (client) => client.send(command))).ETag;
}

async function putInParts(
  bucket: S3Bucket,
  key: string,
  first: Uint8Array,
  others: AsyncIterable<Uint8Array>,
): Promise<string | undefined> {
  const start = new CreateMultipartUploadCommand({ Bucket: bucket.name, Key: key });
  const { UploadId } = await bucket.request("s3:PutObject", (client) => client.send(start));
  const upload: Upload = { bucket, key, uploadId: UploadId ?? "" };
  const done: CompletedPart[] = [];
  let sending = sendPart(upload, first, done);
  try {
    // While one part is sent the next is filled.
    for await (const part of others) {
      await sending;
      sending = sendPart(upload, part, done);
    }
    await sending;
    return await complete(upload, done);
  } catch (error) {
    // A part that arrives after the end of its upload would stay, and cost money, for good.
    await sending.catch(() => {});
    await abort(upload);
    throw error;
  }
}

async function sendPart(upload: Upload, body: Uint8Array, done: CompletedPart[]): Promise<void> {
  const { bucket, key, uploadId } = upload;
  const number = done.length + 1;
  if (number > mostParts) throw tooLarge(bucket, key);
  const command = new UploadPartCommand({
    Bucket: bucket.name,
    Key: key,
    UploadId: uploadId,
    PartNumber: number,
    Body: body,
  });
  const { ETag } = await bucket.request("s3:PutObject", (client) => client.send(command));
  done.push({ PartNumber: number, ETag });
}

async function complete(upload: Upload, parts: CompletedPart[]): Promise<string | undefined> {
  const { bucket, key, uploadId } = upload;
  const command = new CompleteMultipartUploadCommand({
    Bucket: bucket.name,
    Key: key,
    UploadId: uploadId,
    MultipartUpload: { Parts: parts },
  });
  return await bucket.request("s3:PutObject", async (client) => {
    try {
      return (await client.send(command)).ETag;
    } catch (error) {
      // Its first answer may have been lost on the way; the object's size will tell.
      if (isMissingUpload(error)) return undefined;
      throw error;
    }
  });
}

/** Gives an upload up. What cannot be removed now is swept later, and is no reason to hide why it was given up. */
async function abort({ bucket, key, uploadId }: Upload): Promise<void> {
  const command = new AbortMultipartUploadCommand({ Bucket: bucket.name, Key: key, UploadId: uploadId });
  await bucket.request("s3:AbortMultipartUpload", (client) => client.send(command)).catch(() => {});
}

/** Asks the service what it has. An object with another tag was written by somebody else since, and is theirs to check. */
async function compareSize(
  bucket: S3Bucket,
  key: string,
  bytes: number,
  etag: string | undefined,
): Promise<void> {
  const command = new HeadObjectCommand({ Bucket: bucket.name, Key: key });
  const found = await bucket.request("s3:GetObject", (client) => client.send(command));
  if (found.ContentLength === bytes) return;
  if (etag !== undefined && found.ETag !== etag) return;
  throw new EnvironmentError({
    code: "store-incomplete",
    message: `${bucket.location} has ${found.ContentLength ?? "an unknown number of"} bytes of ${key}, which has ${bytes}.`,
    state: "What was there before is as it was.",
    remedy: "Run it again; if it happens again, the service does not keep what it is given.",
  });
}

function tooLarge(bucket: S3Bucket, key: string): EnvironmentError {
  const limit = (partSize * mostParts) / 2 ** 30;
  return new EnvironmentError({
    code: "store-file-too-large",
    message: `${key} is larger than ${Math.floor(limit)} GiB, which is the most that ${bucket.location} takes for one file.`,
    state: "Nothing of it was kept.",
    remedy: "Keep backups of a database of this size in a folder: set backups.store.",
  });
}
