import { join, resolve } from "node:path";

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

/** The shape of an S3 address; its parts are the bucket and the prefix. */
export const s3Address = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/+(.*?))?\/*$/;

/**
 * Puts together what holds for one environment: its own settings, then the project's, then the defaults.
 * @param root the project's folder, to which a folder's path is relative
 */
export function resolveBackups(
  root: string,
  project: BackupConfig | undefined,
  own: BackupConfig | undefined,
): BackupSettings {
  const { store, endpoint, region, recipients } = { ...project, ...own };
  const [, bucket, prefix] = s3Address.exec(store ?? "") ?? [];
  return {
    store:
      bucket === undefined
        ? { kind: "folder", folder: store === undefined ? join(root, "backups") : resolve(root, store) }
        : { kind: "s3", bucket, prefix: prefix ?? "", endpoint, region },
    recipients: recipients ?? [],
  };
}
