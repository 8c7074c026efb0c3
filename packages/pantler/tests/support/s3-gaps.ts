import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";

/*
 * What s3rver 4.0.4 leaves out, done on its files. It can neither list nor give up unfinished uploads, and takes parts for
 * those that were given up. Its lists need a cipher that OpenSSL 3 lacks, leave out folders that hold nothing but folders,
 * and refuse requests signed by the present SDK.
 */

/** An answer to be given in place of s3rver's. */
export interface S3Answer {
  readonly status: number;
  readonly content: string;
}

interface StoredUpload {
  readonly key: string;
  readonly id: string;
  readonly started: Date;
}

const objectEnding = "._S3rver_object";
const uploadsFolder = (folder: string, bucket: string) => join(folder, bucket, "._S3rver_uploads");

/** Pages are this long, so that few objects and uploads already make several. */
const pageSizes = { objects: 1000, uploads: 2 };

/**
 * Answers the requests that s3rver cannot do right.
 * @param user the id of the keys that the request is signed with; the signature itself is not looked at
 * @returns undefined for all others
 */
export function answerGap(
  folder: string,
  { method, path }: { readonly method: string; readonly path: string },
  user: string,
): S3Answer | undefined {
  const { pathname, searchParams: query } = new URL(path, "http://localhost");
  const [, bucket = "", key = ""] = pathname.split("/");
  const upload = query.get("uploadId");
  const isList = method === "GET" && key === "" && (query.has("uploads") || query.has("list-type"));
  if (!isList && upload === null) return undefined;
  if (user !== "S3RVER") return error(403, "InvalidAccessKeyId");
  if (!existsSync(join(folder, bucket))) return error(404, "NoSuchBucket");
  if (upload === null) return (query.has("uploads") ? listUploads : listObjects)(folder, bucket, query);
  const place = join(uploadsFolder(folder, bucket), upload);
  if (!existsSync(place)) return error(404, "NoSuchUpload");
  if (method !== "DELETE") return undefined;
  rmSync(place, { recursive: true });
  return { status: 204, content: "" };
}

/** Puts an object where s3rver finds it. */
export function placeObject(folder: string, path: string, content: string): void {
  const file = join(folder, `${path}${objectEnding}`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}

/** Cuts the last bytes off an object, which s3rver does not notice. */
export function truncateObject(folder: string, path: string, bytes: number): void {
  const file = join(
    folder,
    `${decodeURIComponent(new URL(path, "http://localhost").pathname)}${objectEnding}`,
  );
  truncateSync(file, statSync(file).size - bytes);
}

/** The body of an error as S3 sends it. */
export function error(status: number, code: string): S3Answer {
  return { status, content: `<Error><Code>${code}</Code><Message>as the test wants it</Message></Error>` };
}

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

function listUploads(folder: string, bucket: string, query: URLSearchParams): S3Answer {
  const prefix = query.get("prefix") ?? "";
  const marker = query.has("key-marker") ? `${query.get("key-marker")} ${query.get("upload-id-marker")}` : "";
  const found = unfinishedUploads(folder, bucket).filter(
    ({ key, id }) => key.startsWith(prefix) && `${key} ${id}` > marker,
  );
  const page = found.slice(0, pageSizes.uploads);
  const last = found.length > page.length ? page.at(-1) : undefined;
  return list("ListMultipartUploadsResult", last !== undefined, [
    last && tag("NextKeyMarker", last.key) + tag("NextUploadIdMarker", last.id),
    ...page.map(
      ({ key, id, started }) =>
        `<Upload>${tag("Key", key)}${tag("UploadId", id)}${tag("Initiated", started.toISOString())}</Upload>`,
    ),
  ]);
}

function listObjects(folder: string, bucket: string, query: URLSearchParams): S3Answer {
  const prefix = query.get("prefix") ?? "";
  const delimiter = query.get("delimiter");
  const after = Buffer.from(query.get("continuation-token") ?? "", "base64").toString();
  const keys = keysBelow(join(folder, bucket)).filter((key) => key.startsWith(prefix));
  const entries = new Map<string, string>();
  for (const key of keys) {
    const end = delimiter ? key.indexOf(delimiter, prefix.length) : -1;
    const entry = end === -1 ? key : key.slice(0, end + 1);
    if (entry > after) entries.set(entry, end === -1 ? objectXml(folder, bucket, key) : prefixXml(entry));
  }
  const page = [...entries].slice(0, pageSizes.objects);
  const last = entries.size > page.length ? page.at(-1)?.[0] : undefined;
  return list("ListBucketResult", last !== undefined, [
    last && tag("NextContinuationToken", Buffer.from(last).toString("base64")),
    ...page.map(([, content]) => content),
  ]);
}

function keysBelow(root: string): string[] {
  return readdirSync(root, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(objectEnding))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).slice(0, -objectEnding.length))
    .sort();
}

function objectXml(folder: string, bucket: string, key: string): string {
  const facts = statSync(join(folder, bucket, `${key}${objectEnding}`));
  const modified = tag("LastModified", facts.mtime.toISOString());
  return `<Contents>${tag("Key", key)}${tag("Size", String(facts.size))}${modified}</Contents>`;
}

const prefixXml = (prefix: string) => `<CommonPrefixes>${tag("Prefix", prefix)}</CommonPrefixes>`;

function list(name: string, isTruncated: boolean, content: readonly (string | undefined)[]): S3Answer {
  const all = [tag("IsTruncated", String(isTruncated)), ...content].join("");
  return { status: 200, content: `<${name}>${all}</${name}>` };
}

function tag(name: string, text: string): string {
  const escaped = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return `<${name}>${escaped}</${name}>`;
}
