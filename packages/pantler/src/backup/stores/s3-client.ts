import { S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";
import { InputError } from "../../operation/index.js";

/** How often a request is sent before a service that is busy or gone is given up. */
const attempts = 8;

/** How long to wait for a connection, and for anything to come over it, in milliseconds. */
const timeouts = { connectionTimeout: 10_000, socketTimeout: 120_000 };

/** The region that services without regions take for theirs. */
const anyRegion = "us-east-1";

/**
 * Makes a client for Amazon S3, or for the service at an endpoint. Keys are looked for when it is first used, where all
 * AWS tools look for them.
 * @throws InputError `store-region-missing`
 */
export async function createS3Client(
  endpoint: string | undefined,
  region: string | undefined,
): Promise<S3Client> {
  // We work with Node 20 and pin a version that does too: nobody has to act on what it would print.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";
  const settings: S3ClientConfig = {
    maxAttempts: attempts,
    retryMode: "standard",
    requestHandler: timeouts,
    // Services other than Amazon's do not know the checksums that it has since added.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    ...(endpoint === undefined ? { followRegionRedirects: true } : { endpoint, forcePathStyle: true }),
  };
  return new S3Client({ ...settings, region: region ?? (await configuredRegion(endpoint)) });
}

async function configuredRegion(endpoint: string | undefined): Promise<string> {
  try {
    return await new S3Client({}).config.region();
  } catch (error) {
    if (endpoint !== undefined) return anyRegion;
    throw new InputError({
      code: "store-region-missing",
      message: "Nothing says in which region the bucket for backups is.",
      state: "Nothing was done.",
      remedy: "Set backups.region in the config, or AWS_REGION.",
      cause: error,
    });
  }
}
