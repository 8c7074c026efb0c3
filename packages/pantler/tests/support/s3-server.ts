import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import S3rver from "@20minutes/s3rver";
import { type S3Faults, S3Front, type S3Request } from "./s3-front.js";
import { placeObject, unfinishedUploads } from "./s3-gaps.js";

export interface S3Server {
  readonly endpoint: string;
  /** A bucket that is there, and empty. */
  readonly bucket: string;
  readonly faults: S3Faults;
  /** All requests so far. */
  readonly requests: readonly S3Request[];
  /** What a process of its own needs in its environment to be let in; ours has it while the test runs. */
  readonly variables: Readonly<Record<string, string>>;
  /** The keys of uploads in parts that were neither finished nor given up. */
  readonly unfinishedUploads: () => string[];
  /** Puts an object into the bucket by the back door, which is much faster than by a request. */
  readonly place: (key: string, content: string) => void;
}

/** The one pair of keys that the server knows; nothing of the machine's own configuration is looked at. */
const variables = {
  AWS_ACCESS_KEY_ID: "S3RVER",
  AWS_SECRET_ACCESS_KEY: "S3RVER",
  AWS_CONFIG_FILE: "/nowhere/config",
  AWS_SHARED_CREDENTIALS_FILE: "/nowhere/credentials",
  AWS_EC2_METADATA_DISABLED: "true",
};

/** What would make a client look elsewhere. */
const unset = [
  "AWS_DEFAULT_REGION",
  "AWS_ENDPOINT_URL",
  "AWS_ENDPOINT_URL_S3",
  "AWS_PROFILE",
  "AWS_REGION",
  "AWS_SESSION_TOKEN",
];

const bucket = "kept";

/** Runs a test with an S3 service of its own, and with the keys to it in the environment. */
export async function withS3Server(test: (server: S3Server) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "pantler-s3-"));
  const address = "127.0.0.1";
  const service = new S3rver({
    port: 0,
    address,
    silent: true,
    directory: folder,
    vhostBuckets: false,
    configureBuckets: [{ name: bucket }],
  });
  const front = new S3Front(folder, (await service.run()).port);
  const server = createServer((incoming, outgoing) => void front.handle(incoming, outgoing));
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const restore = changeEnvironment();
  try {
    await test({
      endpoint: `http://${address}:${(server.address() as AddressInfo).port}`,
      bucket,
      faults: front,
      requests: front.requests,
      variables,
      place: (key, content) => placeObject(folder, `${bucket}/${key}`, content),
      unfinishedUploads: () => unfinishedUploads(folder, bucket).map(({ key }) => key),
    });
  } finally {
    restore();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await front.close();
    await service.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function changeEnvironment(): () => void {
  const before = [...Object.keys(variables), ...unset].map((name) => [name, process.env[name]] as const);
  for (const name of unset) delete process.env[name];
  Object.assign(process.env, variables);
  return () => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  };
}
