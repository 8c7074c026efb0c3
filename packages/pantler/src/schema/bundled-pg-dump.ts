import { MessageChannel, Worker } from "node:worker_threads";
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
    const channel = new MessageChannel();
    onRelease(() => channel.port1.close());
    const answers = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
    const worker = new Worker(new URL("./pg-dump-worker.js", import.meta.url), {
      workerData: { args, port: channel.port2, answers },
      transferList: [channel.port2],
      execArgv: [],
      stdout: true,
      stderr: true,
    });
    onRelease(async () => {
      await worker.terminate();
    });
    const counter = new Int32Array(answers);
    const answer = (bytes: Uint8Array) => {
      channel.port1.postMessage(bytes);
      Atomics.add(counter, 0, 1);
      Atomics.notify(counter, 0);
    };
    const server = new ServerMessages();
    const text = await new Promise<string>((resolve, reject) => {
      client.once("error", reject);
      worker.once("error", reject);
      worker.once("exit", () =>
        reject(new PgDumpFailure("pg_dump ended without a result", server.lastError)),
      );
      const interrupt = () => reject(interruption(unchanged));
      signal?.addEventListener("abort", interrupt, { once: true });
      onRelease(() => signal?.removeEventListener("abort", interrupt));
      if (signal?.aborted) interrupt();
      const socket = client.connection.stream;
      socket.removeAllListeners("data");
      socket.on("data", (bytes: Buffer) => {
        const batch = server.read(bytes);
        if (batch) answer(batch);
      });
      const asked = new ClientMessages();
      channel.port1.on("message", (message: WorkerMessage) => {
        if ("text" in message) return resolve(message.text);
        if ("failure" in message) return reject(new PgDumpFailure(message.failure, server.lastError));
        const { forward, wants } = asked.read(message.sent);
        if (forward.length > 0) socket.write(forward);
        if (wants === "startup") answer(greeting);
        else if (wants === "negotiation") answer(Buffer.from("N"));
        else if (wants === "nothing") answer(new Uint8Array());
      });
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
