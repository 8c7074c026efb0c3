import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import S3rver from "s3rver";
import { abortUpload, listUploads, unfinishedUploads } from "./s3-uploads.js";

/** A request, as far as a test may want to tell it from others. */
export interface S3Request {
  readonly method: string;
  /** `/bucket/key?query`. */
  readonly path: string;
  readonly bytes: number;
}

/** What the service shall do to the requests that are still to come. */
export interface S3Faults {
  /** Answers requests with an error instead of doing what they ask for. */
  answer(
    status: number,
    code: string,
    options?: { readonly times?: number; readonly when?: (request: S3Request) => boolean },
  ): void;
  /** Takes this many bytes of the body of a larger upload, then loses the connection. */
  cutUploads(after: number, times?: number): void;
  /** Gives this many bytes of a larger object, then loses the connection. */
  cutDownloads(after: number, times?: number): void;
  /** Lets everything be as it should from now on. */
  none(): void;
}

export interface S3Server {
  readonly endpoint: string;
  /** A bucket that is there, and empty. */
  readonly bucket: string;
  readonly faults: S3Faults;
  /** All requests so far. */
  readonly requests: readonly S3Request[];
  /** What a process of its own needs in its environment to be let in. */
  readonly variables: Readonly<Record<string, string>>;
  /** The keys of uploads in parts that were neither finished nor given up. */
  readonly unfinishedUploads: () => string[];
}

/** The one pair of keys that the server knows; nothing of the machine's own configuration is looked at. */
const variables = {
  AWS_ACCESS_KEY_ID: "S3RVER",
  AWS_SECRET_ACCESS_KEY: "S3RVER",
  AWS_CONFIG_FILE: "/nowhere/config",
  AWS_SHARED_CREDENTIALS_FILE: "/nowhere/credentials",
  AWS_EC2_METADATA_DISABLED: "true",
};

const bucket = "kept";

/** Runs a test with an S3 service of its own, and with the keys to it in the environment. */
export async function withS3Server(test: (server: S3Server) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "pantler-s3-"));
  const service = new S3rver({
    port: 0,
    address: "127.0.0.1",
    silent: true,
    directory: folder,
    vhostBuckets: false,
    configureBuckets: [{ name: bucket, configs: [] }],
  });
  const { port } = await service.run();
  const front = new Front(folder, port);
  const server = createServer((incoming, outgoing) => void front.handle(incoming, outgoing));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, variables);
  try {
    await test({
      endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      bucket,
      faults: front,
      requests: front.requests,
      variables,
      unfinishedUploads: () => unfinishedUploads(folder, bucket).map(({ key }) => key),
    });
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await service.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Answer {
  readonly status: number;
  readonly code: string;
  readonly when: (request: S3Request) => boolean;
  times: number;
}

/**
 * Stands before the server, makes its faults, and makes up for what it lacks: here an upload counts when all of it has
 * come, one request is worked on at a time, and unfinished uploads can be listed and given up.
 */
class Front implements S3Faults {
  readonly requests: S3Request[] = [];
  readonly #folder: string;
  readonly #port: number;
  #answers: Answer[] = [];
  #uploads = { after: 0, times: 0 };
  #downloads = { after: 0, times: 0 };
  #turn: Promise<void> = Promise.resolve();

  constructor(folder: string, port: number) {
    this.#folder = folder;
    this.#port = port;
  }

  answer(
    status: number,
    code: string,
    { times = Number.POSITIVE_INFINITY, when = () => true }: Parameters<S3Faults["answer"]>[2] = {},
  ): void {
    this.#answers.push({ status, code, times, when });
  }

  cutUploads(after: number, times = 1): void {
    this.#uploads = { after, times };
  }

  cutDownloads(after: number, times = 1): void {
    this.#downloads = { after, times };
  }

  none(): void {
    this.#answers = [];
    this.cutUploads(0, 0);
    this.cutDownloads(0, 0);
  }

  async handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    outgoing.on("error", () => {});
    const body = await this.#bodyOf(incoming).catch(() => undefined);
    if (body === undefined) return;
    const asked = { method: incoming.method ?? "", path: incoming.url ?? "", bytes: body.length };
    this.requests.push(asked);
    const answer = this.#answers.find(({ times, when }) => times > 0 && when(asked));
    if (answer) {
      answer.times -= 1;
      outgoing.writeHead(answer.status, { "content-type": "application/xml" });
      outgoing.end(`<Error><Code>${answer.code}</Code><Message>as the test wants it</Message></Error>`);
      return;
    }
    const before = this.#turn;
    let done = () => {};
    this.#turn = new Promise((resolve) => {
      done = resolve;
    });
    await before;
    try {
      if (!this.#answerOurselves(asked, outgoing)) await this.#forward(incoming, body, outgoing);
    } finally {
      done();
    }
  }

  /** Reads the whole body; undefined when the connection was cut, by the client or by us. */
  async #bodyOf(incoming: IncomingMessage): Promise<Buffer | undefined> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const cuts =
      this.#uploads.times > 0 && Number(incoming.headers["content-length"] ?? 0) > this.#uploads.after;
    if (cuts) this.#uploads.times -= 1;
    for await (const chunk of incoming as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (!cuts || bytes < this.#uploads.after) continue;
      incoming.socket.destroy();
      return undefined;
    }
    return Buffer.concat(chunks);
  }

  /** What s3rver does not do: to list unfinished uploads, and to give one up. */
  #answerOurselves({ method, path }: S3Request, outgoing: ServerResponse): boolean {
    const { pathname, searchParams } = new URL(path, "http://localhost");
    const [, name = ""] = pathname.split("/");
    const uploadId = searchParams.get("uploadId");
    if (method === "GET" && searchParams.has("uploads")) {
      outgoing.writeHead(200, { "content-type": "application/xml" });
      outgoing.end(listUploads(this.#folder, name, searchParams));
      return true;
    }
    if (method !== "DELETE" || uploadId === null) return false;
    outgoing.writeHead(abortUpload(this.#folder, name, uploadId) ? 204 : 404, {
      "content-type": "application/xml",
    });
    outgoing.end("<Error><Code>NoSuchUpload</Code><Message>none such</Message></Error>");
    return true;
  }

  /** Has s3rver do it. A download goes on when it is the next request's turn, since its reader may take its time. */
  async #forward(incoming: IncomingMessage, body: Buffer, outgoing: ServerResponse): Promise<void> {
    await new Promise<void>((resolve) => {
      const { method, url, headers } = incoming;
      const options = { host: "127.0.0.1", port: this.#port, method, path: url, headers };
      const asked = request(options, (response) => {
        outgoing.writeHead(response.statusCode ?? 500, response.headers);
        outgoing.on("close", () => response.destroy());
        const cuts =
          method === "GET" &&
          this.#downloads.times > 0 &&
          Number(response.headers["content-length"] ?? 0) > this.#downloads.after;
        if (cuts) {
          this.#downloads.times -= 1;
          cutAfter(response, outgoing, this.#downloads.after);
          resolve();
        } else {
          response.pipe(outgoing);
          if (method === "GET") resolve();
          else response.on("close", () => resolve());
        }
      });
      asked.on("error", () => {
        outgoing.destroy();
        resolve();
      });
      asked.end(body);
    });
  }
}

function cutAfter(response: IncomingMessage, outgoing: ServerResponse, after: number): void {
  let left = after;
  response.on("data", (chunk: Buffer) => {
    if (left <= 0) return;
    const given = chunk.subarray(0, left);
    left -= given.length;
    outgoing.write(given, () => {
      if (left === 0) outgoing.socket?.destroy();
    });
  });
}
