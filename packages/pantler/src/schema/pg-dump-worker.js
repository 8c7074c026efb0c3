// @ts-check
// Plain JavaScript, since a worker cannot load TypeScript sources. It is copied beside the compiled code.
import { receiveMessageOnPort, workerData } from "node:worker_threads";
import { pgDump } from "@electric-sql/pglite-tools/pg_dump";

/**
 * @typedef {object} Task
 * @property {readonly string[]} args
 * @property {import("node:worker_threads").MessagePort} port takes what pg_dump sends, gives what it is answered
 * @property {Int32Array} answers counts the answers, so that this thread can sleep until there is one
 */

const { args, port, answers: counter } = /** @type {Task} */ (workerData);

/** pg_dump reads and writes synchronously, so the thread has to stand still until the other one has the answer. */
function nextAnswer() {
  for (;;) {
    const seen = Atomics.load(counter, 0);
    const received = receiveMessageOnPort(port);
    if (received) return /** @type {Uint8Array} */ (received.message);
    Atomics.wait(counter, 0, seen);
  }
}

/** Stands where the library expects a database of its own, and is as much of one as it uses. */
const server = {
  query: async () => ({ rows: [{ search_path: "" }] }),
  exec: async () => [],
  /**
   * @param {Uint8Array} bytes a view of memory that is used again
   * @param {{ onRawData: (bytes: Uint8Array) => void }} options
   */
  execProtocolRawStream(bytes, { onRawData }) {
    port.postMessage({ sent: bytes.slice() });
    const answer = nextAnswer();
    if (answer.length > 0) onRawData(answer);
  },
};

/**
 * Runs work and returns the text that it strips of psql's `\restrict` lines, as it was before: the library takes every
 * line that begins so for one, in the body of a function too.
 * @param {() => Promise<unknown>} work
 */
async function unstripped(work) {
  const replace = String.prototype.replace;
  /** @type {string | undefined} */
  let text;
  String.prototype.replace = /** @this {string} */ function (/** @type {unknown[]} */ ...parameters) {
    if (String(parameters[0]).includes("restrict")) text = String(this);
    return Reflect.apply(replace, this, parameters);
  };
  try {
    await work();
  } finally {
    String.prototype.replace = replace;
  }
  if (text === undefined)
    throw new Error("the bundled pg_dump returned its text in another way than expected");
  return text;
}

// What pg_dump calls itself in its messages.
process.argv[1] = "pg_dump";
try {
  const pg = /** @type {any} */ (server);
  port.postMessage({ text: await unstripped(() => pgDump({ pg, args: [...args] })) });
} catch (error) {
  port.postMessage({ failure: error instanceof Error ? error.message : String(error) });
}
port.close();
