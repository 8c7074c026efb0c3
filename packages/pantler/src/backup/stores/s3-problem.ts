import { EnvironmentError } from "../../operation/index.js";

/** A request that failed: what it was for, so that the right that is missing can be named. */
export interface S3Request {
  /** The store, for people. */
  readonly location: string;
  /** The permission that the request takes, such as `s3:PutObject`. */
  readonly right: string;
}

/** What S3 says when it does not know the caller, or the caller's keys. */
const unknownCaller = new Set([
  "InvalidAccessKeyId",
  "SignatureDoesNotMatch",
  "InvalidToken",
  "ExpiredToken",
  "CredentialsProviderError",
  "TokenProviderError",
  "RequestTimeTooSkewed",
]);

const statuses = { unauthorized: 401, forbidden: 403, full: 507, notImplemented: 501 };

/**
 * Puts what a request ended with into words. The error itself is not kept: it holds the key's id and what was signed.
 */
export function s3Problem(error: unknown, request: S3Request): EnvironmentError {
  const { name, status } = factsOf(error);
  const answer = status === undefined ? name : `${name}, HTTP status ${status}`;
  const { location, right } = request;
  const problem = (code: string, message: string, remedy: string) =>
    new EnvironmentError({ code, message, state: "What was there before is as it was.", remedy });
  if (name === "NoSuchBucket") {
    return problem("store-missing", `There is no bucket for ${location}.`, "Make it, or mend backups.store.");
  }
  if (unknownCaller.has(name) || status === statuses.unauthorized) {
    return problem(
      "store-refused",
      `${location} does not take the keys it was given, or was given none (${answer}).`,
      "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, and check this machine's clock.",
    );
  }
  if (status === statuses.forbidden) {
    return problem(
      "store-refused",
      `${location} refused a request that takes the right ${right} (${answer}).`,
      `Grant ${right} on the bucket to the owner of the keys.`,
    );
  }
  if (status === statuses.full || name === "QuotaExceeded") {
    return problem(
      "store-full",
      `There is no room left in ${location} (${answer}).`,
      "Make room, remove old backups (pantler backup prune), or set backups.store to another place.",
    );
  }
  if (status !== undefined && status < 500) {
    return problem(
      "store-refused",
      `${location} refused a request (${answer}).`,
      "Check backups.store, backups.endpoint and backups.region.",
    );
  }
  return unreachable(location, answer);
}

/** The service does not answer, or answers that it cannot. */
export function unreachable(location: string, why: string): EnvironmentError {
  return new EnvironmentError({
    code: "store-unreachable",
    message: `${location} cannot be reached: ${why}.`,
    state: "What was there before is as it was.",
    remedy: "Check backups.endpoint and the network, and whether the service is up; then run it again.",
  });
}

/** Whether S3 says that there is no such object. */
export function isMissingKey(error: unknown): boolean {
  const { name, status } = factsOf(error);
  return name === "NoSuchKey" || (name === "NotFound" && status === 404);
}

/** Whether S3 says that it knows no such upload: it was finished, or given up. */
export function isMissingUpload(error: unknown): boolean {
  return factsOf(error).name === "NoSuchUpload";
}

/** Whether the service cannot do this at all. */
export function isNotImplemented(error: unknown): boolean {
  return factsOf(error).status === statuses.notImplemented;
}

function factsOf(error: unknown): { readonly name: string; readonly status: number | undefined } {
  if (!(error instanceof Error)) return { name: "unknown error", status: undefined };
  const code = "code" in error && typeof error.code === "string" ? error.code : undefined;
  const metadata = "$metadata" in error ? (error.$metadata as { httpStatusCode?: number }) : undefined;
  return { name: code ?? error.name, status: metadata?.httpStatusCode };
}
