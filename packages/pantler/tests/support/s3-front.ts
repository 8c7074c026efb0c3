import { type IncomingMessage, request, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { answerGap, error, type S3Answer, truncateObject } from "./s3-gaps.js";

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
  /** Does what the next such request asks for, and loses the connection instead of answering. */
  loseAnswer(when: (request: S3Request) => boolean): void;
  /** Keeps so many bytes less of the next upload than it was given, and says that all is well. */
  loseBytes(bytes: number): void;
  /** Lets everything be as it should from now on. */
  none(): void;
}

interface Fault {
  readonly answer: S3Answer;
  readonly when: (request: S3Request) => boolean;
  times: number;
}

/** A request that has come whole. */
interface Exchange extends S3Request {
  readonly incoming: IncomingMessage;
  readonly body: Buffer;
  readonly outgoing: ServerResponse;
}

/**
 * Stands before s3rver, makes faults, and sees to it that the two behave like S3: an upload counts when all of it has
 * come, and one request is worked on at a time.
 */
export class S3Front implements S3Faults {
  readonly requests: S3Request[] = [];
  readonly #folder: string;
  readonly #port: number;
  #answers: Fault[] = [];
  #uploads = { after: 0, times: 0 };
  #downloads = { after: 0, times: 0 };
  #lostAnswer: ((request: S3Request) => boolean) | undefined;
  #lostBytes = 0;
  #turn: Promise<void> = Promise.resolve();
  readonly #unread = new Set<IncomingMessage>();

  /**
   * @param folder where s3rver keeps its files
   * @param port on which it listens
   */
  constructor(folder: string, port: number) {
    this.#folder = folder;
    this.#port = port;
  }

  answer(
    status: number,
    code: string,
    { times = Number.POSITIVE_INFINITY, when = () => true }: Parameters<S3Faults["answer"]>[2] = {},
  ): void {
    this.#answers.push({ answer: error(status, code), times, when });
  }

  cutUploads(after: number, times = 1): void {
    this.#uploads = { after, times };
  }

  cutDownloads(after: number, times = 1): void {
    this.#downloads = { after, times };
  }

  loseAnswer(when: (request: S3Request) => boolean): void {
    this.#lostAnswer = when;
  }

  loseBytes(bytes: number): void {
    this.#lostBytes = bytes;
  }

  none(): void {
    this.#answers = [];
    this.#lostAnswer = undefined;
    this.#lostBytes = 0;
    this.cutUploads(0, 0);
    this.cutDownloads(0, 0);
  }

  /** Ends the downloads that nobody read to their end, and waits until s3rver has noticed. */
  async close(): Promise<void> {
    for (const response of this.#unread) response.destroy();
    await this.#turn;
    await sleep(this.#unread.size > 0 ? 100 : 0);
  }

  async handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    outgoing.on("error", () => {});
    const body = await this.#bodyOf(incoming).catch(() => undefined);
    if (body === undefined) return;
    const asked = { method: incoming.method ?? "", path: incoming.url ?? "", bytes: body.length };
    this.requests.push(asked);
    const fault = this.#answers.find(({ times, when }) => times > 0 && when(asked));
    if (fault) {
      fault.times -= 1;
      send(outgoing, fault.answer);
      return;
    }
    const before = this.#turn;
    let done = () => {};
    this.#turn = new Promise((resolve) => {
      done = resolve;
    });
    await before;
    const exchange = { ...asked, incoming, body, outgoing };
    await this.#work(exchange)
      .catch(() => outgoing.destroy())
      .finally(done);
  }

  /** Reads the whole body; undefined when we cut the connection. */
  async #bodyOf(incoming: IncomingMessage): Promise<Buffer | undefined> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const { after, times } = this.#uploads;
    const cuts = times > 0 && Number(incoming.headers["content-length"] ?? 0) > after;
    if (cuts) this.#uploads.times -= 1;
    for await (const chunk of incoming as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (!cuts || bytes < after) continue;
      incoming.socket.destroy();
      return undefined;
    }
    return Buffer.concat(chunks);
  }

  async #work(exchange: Exchange): Promise<void> {
    const { method, path, incoming, outgoing } = exchange;
    const [, user = ""] = /Credential=([^/]*)/.exec(incoming.headers.authorization ?? "") ?? [];
    const answer = answerGap(this.#folder, exchange, user);
    if (answer) {
      send(outgoing, answer);
      return;
    }
    const response = await this.#forward(exchange);
    if (method === "PUT" && this.#lostBytes > 0) {
      truncateObject(this.#folder, path, this.#lostBytes);
      this.#lostBytes = 0;
    }
    if (this.#lostAnswer?.(exchange)) {
      this.#lostAnswer = undefined;
      await drain(response);
      outgoing.socket?.destroy();
      return;
    }
    outgoing.writeHead(response.statusCode ?? 500, response.headers);
    this.#unread.add(response);
    response.once("end", () => this.#unread.delete(response));
    outgoing.on("close", () => response.destroy());
    await this.#handOn(method, response, outgoing);
  }

  /** A download goes on when it is the next request's turn, since its reader may take its time. */
  async #handOn(method: string, response: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { after, times } = this.#downloads;
    const size = Number(response.headers["content-length"] ?? 0);
    if (method === "GET" && times > 0 && response.statusCode !== 404 && size > after) {
      this.#downloads.times -= 1;
      cutAfter(response, outgoing, after);
      return;
    }
    response.pipe(outgoing);
    if (method !== "GET") await new Promise((resolve) => response.once("close", resolve));
  }

  async #forward({ incoming, method, path, body }: Exchange): Promise<IncomingMessage> {
    const { headers } = incoming;
    return await new Promise((resolve, reject) => {
      const asked = request({ host: "127.0.0.1", port: this.#port, method, path, headers }, resolve);
      asked.on("error", reject);
      asked.end(body);
    });
  }
}

function send(outgoing: ServerResponse, { status, content }: S3Answer): void {
  outgoing.writeHead(status, { "content-type": "application/xml" });
  outgoing.end(content);
}

async function drain(response: IncomingMessage): Promise<void> {
  await new Promise((resolve) => response.resume().once("close", resolve));
}

function cutAfter(response: IncomingMessage, outgoing: ServerResponse, after: number): void {
  let left = after;
  outgoing.flushHeaders();
  const cut = () => outgoing.socket?.destroy();
  if (left === 0) cut();
  response.on("data", (chunk: Buffer) => {
    if (left === 0) return;
    const given = chunk.subarray(0, left);
    left -= given.length;
    const isLast = left === 0;
    outgoing.write(given, () => {
      if (isLast) cut();
    });
  });
}
