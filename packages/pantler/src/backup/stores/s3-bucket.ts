import type { S3Client } from "@aws-sdk/client-s3";
import { s3Problem } from "./s3-problem.js";

/** A bucket, and the one way to ask anything of it. */
export interface S3Bucket {
  readonly name: string;
  /** For people: there are no keys in it. */
  readonly location: string;
  /**
   * Sends requests; what goes wrong is put into words.
   * @param right the permission that it takes, such as `s3:PutObject`
   * @throws EnvironmentError `store-missing`, `store-refused`, `store-full`, `store-unreachable`
   */
  request<Result>(right: string, send: (client: S3Client) => Promise<Result>): Promise<Result>;
}

export function bucketOf(client: S3Client, name: string, location: string): S3Bucket {
  return {
    name,
    location,
    async request(right, send) {
      try {
        return await send(client);
      } catch (error) {
        throw s3Problem(error, { location, right });
      }
    },
  };
}
