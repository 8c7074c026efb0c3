import { resolve } from "node:path";

/** What the config may say of backups, for the whole project or for one environment. */
export interface BackupConfig {
  /** Where they are kept: `s3://bucket/prefix`, or a folder, relative to the project; `backups` by default. */
  store?: string | undefined;
  /** The address of the S3 service, when it is not Amazon's. */
  endpoint?: string | undefined;
  /** The region of the bucket; by default what the AWS configuration of this machine says. */
  region?: string | undefined;
  /** Who can decrypt them: public keys of `age`, each beginning with `age1`. Without any they are not encrypted. */
  recipients?: string[] | undefined;
}

/** Where archives are kept. */
export type StoreSettings =
  | {
      readonly kind: "folder";
      /** Absolute. */
      readonly folder: string;
    }
  | {
      readonly kind: "s3";
      readonly bucket: string;
      /** What the keys of all objects begin with, without slashes at its ends; empty for the whole bucket. */
      readonly prefix: string;
      readonly endpoint: string | undefined;
      readonly region: string | undefined;
    };

/** How the backups of an environment are kept. */
export interface BackupSettings {
  readonly store: StoreSettings;
  /** Public keys of `age` to which archives are encrypted; none for plain ones. */
  readonly recipients: readonly string[];
}

/**
 * Reads an address such as `s3://bucket/prefix`.
 * @returns undefined when it is none
 */
export function parseS3Address(
  address: string,
): { readonly bucket: string; readonly prefix: string } | undefined {
  const found = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*?))?\/?$/.exec(address);
  if (found?.[1] === undefined) return undefined;
  const [, bucket, prefix = ""] = found;
  const isPart = (part: string) =>
    part !== "" && part !== "." && part !== ".." && !/[\\\s\p{Control}]/u.test(part);
  return prefix === "" || prefix.split("/").every(isPart) ? { bucket, prefix } : undefined;
}

/**
 * Puts together what holds for one environment: its own settings, then the project's, then the defaults.
 * @param root the project's folder, to which a folder's path is relative
 */
export function resolveBackups(
  root: string,
  project: BackupConfig | undefined,
  own: BackupConfig | undefined,
): BackupSettings {
  const store = own?.store ?? project?.store ?? "backups";
  const s3 = parseS3Address(store);
  return {
    store: s3
      ? {
          kind: "s3",
          ...s3,
          endpoint: own?.endpoint ?? project?.endpoint,
          region: own?.region ?? project?.region,
        }
      : { kind: "folder", folder: resolve(root, store) },
    recipients: own?.recipients ?? project?.recipients ?? [],
  };
}
