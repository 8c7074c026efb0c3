import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

/** An upload in parts that s3rver knows of. */
interface StoredUpload {
  readonly key: string;
  readonly id: string;
  readonly started: Date;
}

/** Where s3rver 3.7.1 keeps the parts of the uploads to a bucket, a folder each. */
const uploadsFolder = (folder: string, bucket: string) => join(folder, bucket, "._S3rver_uploads");

/** All uploads to a bucket that were begun and not ended. */
export function unfinishedUploads(folder: string, bucket: string): StoredUpload[] {
  const uploads = uploadsFolder(folder, bucket);
  if (!existsSync(uploads)) return [];
  return readdirSync(uploads)
    .map((id) => ({
      id,
      key: readFileSync(join(uploads, id, "key"), "utf8"),
      started: statSync(join(uploads, id, "key")).mtime,
    }))
    .sort((one, other) => (`${one.key} ${one.id}` < `${other.key} ${other.id}` ? -1 : 1));
}

/** Removes an upload; false when there is none of that id. */
export function abortUpload(folder: string, bucket: string, id: string): boolean {
  const path = join(uploadsFolder(folder, bucket), id);
  if (!existsSync(path)) return false;
  rmSync(path, { recursive: true });
  return true;
}

/** What ListMultipartUploads answers. A page has two uploads, so that tests meet more than one page. */
export function listUploads(folder: string, bucket: string, query: URLSearchParams): string {
  const prefix = query.get("prefix") ?? "";
  const marker = query.has("key-marker") ? `${query.get("key-marker")} ${query.get("upload-id-marker")}` : "";
  const found = unfinishedUploads(folder, bucket).filter(
    ({ key, id }) => key.startsWith(prefix) && `${key} ${id}` > marker,
  );
  const page = found.slice(0, 2);
  const last = page.at(-1);
  const next =
    found.length > 2 && last
      ? `<NextKeyMarker>${last.key}</NextKeyMarker><NextUploadIdMarker>${last.id}</NextUploadIdMarker>`
      : "";
  const uploads = page.map(
    ({ key, id, started }) =>
      `<Upload><Key>${key}</Key><UploadId>${id}</UploadId><Initiated>${started.toISOString()}</Initiated></Upload>`,
  );
  return `<ListMultipartUploadsResult><Bucket>${bucket}</Bucket><IsTruncated>${found.length > 2}</IsTruncated>${next}${uploads.join("")}</ListMultipartUploadsResult>`;
}
