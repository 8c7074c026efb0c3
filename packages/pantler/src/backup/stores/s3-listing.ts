import {
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandOutput,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
} from "@aws-sdk/client-s3";
import type { S3Bucket } from "./s3-bucket.js";
import { isNotImplemented, unreachable } from "./s3-problem.js";

/** An upload that was begun and not ended. */
export interface UnfinishedUpload {
  readonly key: string;
  readonly uploadId: string;
  readonly started: Date;
}

/**
 * Lists the objects whose keys begin with a prefix, a thousand at a time, to the last.
 * @param delimiter keys that have it after the prefix are told as one, up to it
 */
export async function* listObjects(
  bucket: S3Bucket,
  prefix: string,
  delimiter?: string,
): AsyncGenerator<ListObjectsV2CommandOutput, void, undefined> {
  let next: string | undefined;
  do {
    const command = new ListObjectsV2Command({
      Bucket: bucket.name,
      Prefix: prefix,
      Delimiter: delimiter,
      ContinuationToken: next,
    });
    const page = await bucket.request("s3:ListBucket", (client) => client.send(command));
    yield page;
    next = page.NextContinuationToken;
    if (page.IsTruncated && next === undefined) {
      throw unreachable(bucket.location, "it lists only a part of what it has");
    }
  } while (next !== undefined);
}

/** Lists the uploads below a prefix that were begun and not ended. */
export async function* listUnfinishedUploads(
  bucket: S3Bucket,
  prefix: string,
): AsyncGenerator<UnfinishedUpload, void, undefined> {
  let page: ListMultipartUploadsCommandOutput | undefined;
  do {
    page = await pageOfUploads(bucket, prefix, page);
    for (const { Key: key, UploadId: uploadId, Initiated: started } of page?.Uploads ?? []) {
      if (key && uploadId && started) yield { key, uploadId, started };
    }
  } while (page?.IsTruncated);
}

async function pageOfUploads(
  bucket: S3Bucket,
  prefix: string,
  before: ListMultipartUploadsCommandOutput | undefined,
): Promise<ListMultipartUploadsCommandOutput | undefined> {
  const command = new ListMultipartUploadsCommand({
    Bucket: bucket.name,
    Prefix: prefix,
    KeyMarker: before?.NextKeyMarker,
    UploadIdMarker: before?.NextUploadIdMarker,
  });
  return await bucket.request("s3:ListBucketMultipartUploads", async (client) => {
    try {
      return await client.send(command);
    } catch (error) {
      // Services that cannot list them remove them by themselves after a while.
      if (isNotImplemented(error)) return undefined;
      throw error;
    }
  });
}
