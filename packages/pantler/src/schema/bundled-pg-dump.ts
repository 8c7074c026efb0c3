import type { Duplex } from "node:stream";
import { MessageChannel, receiveMessageOnPort, Worker } from "node:worker_threads";
import { interruption, withReleases } from "../operation/index.js";
import { type Client, cancelOnAbort, connect } from "../postgres/index.js";
import type { DatabaseUrl } from "../project/index.js";
import { settingsForPgDump } from "./definition-settings.js";
import { PgDumpFailure, unchanged } from "./pg-dump-failure.js";
import { ClientMessages, ServerMessages, welcome } from "./wire-protocol.js";

/** The version of the bundled pg_dump, and so of the newest server that it reads. */
export const bundledMajor = 18;

/** What libpq expects a server to tell of itself when it lets a client in. */
const told = [
  "server_version",
  "server_encoding",
  "client_encoding",
  "is_superuser",
  "session_authorization",
  "DateStyle",
  "IntervalStyle",
  "TimeZone",
  "integer_datetimes",
  "standard_conforming_strings",
];

/** What the thread that runs pg_dump says. */
type WorkerMessage = { readonly sent: Uint8Array } | { readonly text: string } | { readonly failure: string };

/**
 * Runs the bundled pg_dump, which is WebAssembly and has no sockets. It runs in a thread of its own, since it blocks,
 * and speaks through a connection that we opened, with all that takes: encryption, passwords, certificates.
 * @param args what pg_dump is given on its command line, without the connection
 * @returns what it prints
 * @throws PgDumpFailure when it gives up, UnchangedError `interrupted`, and what a lost connection throws
 */
export async function runBundledPgDump(
  url: DatabaseUrl,
  args: readonly string[],
  signal: AbortSignal | undefined,
): Promise<string> {
  return await withReleases(async (onRelease) => {
    const client = await connect(url);
    onRelease(() => {
      client.connection.stream.destroy();
    });
    await client.query(settingsForPgDump);
    const greeting = welcome(await readParameters(client));
    onRelease(await cancelOnAbort(client, url, signal));
    const thread = new PgDumpThread(args);
    onRelease(() => thread.end());
    const text = await new Promise<string>((resolve, reject) => {
      client.once("error", reject);
      const interrupt = () => reject(interruption(unchanged));
      signal?.addEventListener("abort", interrupt, { once: true });
      onRelease(() => signal?.removeEventListener("abort", interrupt));
      if (signal?.aborted) interrupt();
      thread.run(takeSocket(client), greeting).then(resolve, reject);
    });
    await client.end();
    return text;
  });
}

async function readParameters(client: Client): Promise<Record<string, string>> {
  const { rows } = await client.query<{ name: string; setting: string }>(
    "select name, current_setting(name) as setting from unnest($1::text[]) as told (name)",
    [told],
  );
  return Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
}

/** From here on what the server sends is ours; the driver still tells when the connection breaks. */
function takeSocket(client: Client): Duplex {
  return client.connection.stream.removeAllListeners("data");
}

/** The thread in which pg_dump runs, and stands still whenever it waits for the server. */
class PgDumpThread {
  readonly #channel = new MessageChannel();
  readonly #answers = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  readonly #worker: Worker;
  readonly #asked = new ClientMessages();
  readonly #said = new ServerMessages();

  constructor(args: readonly string[]) {
    const { port2 } = this.#channel;
    this.#worker = new Worker(new URL("./pg-dump-worker.js", import.meta.url), {
      workerData: { args, port: port2, answers: this.#answers },
      transferList: [port2],
      execArgv: [],
      stdout: true,
      stderr: true,
    });
  }

  /** Passes on what pg_dump and the server say to each other, until pg_dump is done. */
  async run(socket: Duplex, greeting: Uint8Array): Promise<string> {
    return await new Promise<string>((resolve, reject) => {
      const hear = (message: WorkerMessage) => {
        if ("text" in message) resolve(message.text);
        else if ("failure" in message) reject(new PgDumpFailure(message.failure, this.#said.lastError));
        else this.#forward(message.sent, socket, greeting);
      };
      this.#channel.port1.on("message", hear);
      this.#worker.once("error", reject);
      this.#worker.once("exit", () => {
        // The end of a thread may be known before its last words are.
        const last = receiveMessageOnPort(this.#channel.port1);
        if (last) hear(last.message as WorkerMessage);
        else reject(new PgDumpFailure("pg_dump ended without a result", this.#said.lastError));
      });
      socket.on("data", (bytes: Buffer) => {
        const answer = this.#said.read(bytes);
        if (answer) this.#answer(answer);
      });
    });
  }

  async end(): Promise<void> {
    this.#channel.port1.close();
    await this.#worker.terminate();
  }

  #forward(sent: Uint8Array, socket: Duplex, greeting: Uint8Array): void {
    const { forward, wants } = this.#asked.read(sent);
    if (forward.length > 0) socket.write(forward);
    if (wants === "startup") this.#answer(greeting);
    else if (wants === "negotiation") this.#answer(Buffer.from("N"));
    else if (wants === "nothing") this.#answer(new Uint8Array());
  }

  #answer(bytes: Uint8Array): void {
    this.#channel.port1.postMessage(bytes);
    Atomics.add(this.#answers, 0, 1);
    Atomics.notify(this.#answers, 0);
  }
}
