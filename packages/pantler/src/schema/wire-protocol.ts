/** The messages of https://www.postgresql.org/docs/17/protocol-message-formats.html, as far as a go-between needs them. */

const negotiationRequests = new Set([
  80877103, // SSLRequest
  80877104, // GSSENCRequest
]);

/** Frontend messages that the server answers with ReadyForQuery: Query, Sync, FunctionCall. */
const askingTypes = new Set([..."QSF"].map((letter) => letter.charCodeAt(0)));

const readyForQuery = "Z".charCodeAt(0);
const errorResponse = "E".charCodeAt(0);
const terminate = "X".charCodeAt(0);

/** What the server said about a statement that failed. */
export interface ServerError {
  readonly sqlstate: string;
  readonly message: string;
}

/** Cuts a stream of bytes into messages; what is not complete waits for the rest. */
class Messages {
  #rest: Buffer = Buffer.alloc(0);

  /** @param typed whether a message begins with its type, which only those of a start do not */
  *take(bytes: Uint8Array, typed: () => boolean): Generator<Buffer> {
    this.#rest = this.#rest.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.#rest, bytes]);
    for (;;) {
      const prefix = typed() ? 1 : 0;
      if (this.#rest.length < prefix + 4) return;
      const end = prefix + this.#rest.readUInt32BE(prefix);
      if (this.#rest.length < end) return;
      const message = this.#rest.subarray(0, end);
      this.#rest = this.#rest.subarray(end);
      yield message;
    }
  }

  get isEmpty(): boolean {
    return this.#rest.length === 0;
  }
}

/** What a client's bytes ask for. */
export type ClientRequest =
  /** It wants to negotiate encryption. */
  | "negotiation"
  /** It introduces itself. */
  | "startup"
  /** It will wait for the server. */
  | "answer"
  /** It has more to say first. */
  | "nothing";

/** Follows what a client sends. */
export class ClientMessages {
  readonly #messages = new Messages();
  #started = false;

  /** @returns what is to be forwarded to the server, and what the client expects now */
  read(bytes: Uint8Array): { readonly forward: Buffer; readonly wants: ClientRequest } {
    const forward: Buffer[] = [];
    let wants: ClientRequest = "nothing";
    for (const message of this.#messages.take(bytes, () => this.#started)) {
      if (!this.#started) {
        this.#started = !negotiationRequests.has(message.readUInt32BE(4));
        wants = this.#started ? "startup" : "negotiation";
      } else if (message[0] !== terminate) {
        forward.push(message);
        wants = askingTypes.has(message[0] ?? 0) ? "answer" : "nothing";
      }
    }
    if (!this.#messages.isEmpty) wants = "nothing";
    return { forward: Buffer.concat(forward), wants };
  }
}

/** Follows what a server sends. */
export class ServerMessages {
  readonly #messages = new Messages();
  #chunks: Uint8Array[] = [];
  /** The newest error the server reported. */
  lastError: ServerError | undefined;

  /** @returns all that came since the last answer, once the server is ready for the next query */
  read(bytes: Uint8Array): Buffer | undefined {
    this.#chunks.push(bytes);
    let ready = false;
    for (const message of this.#messages.take(bytes, () => true)) {
      ready = message[0] === readyForQuery;
      if (message[0] === errorResponse) this.lastError = parseError(message.subarray(5));
    }
    if (!ready) return undefined;
    const answer = Buffer.concat(this.#chunks);
    this.#chunks = [];
    return answer;
  }
}

function parseError(fields: Buffer): ServerError {
  const texts = fields.toString("utf8").split("\0");
  const field = (letter: string) => texts.find((text) => text.startsWith(letter))?.slice(1) ?? "";
  return { sqlstate: field("C"), message: field("M") };
}

/** What a server says to one whom it has let in, up to the first ReadyForQuery. */
export function welcome(parameters: Readonly<Record<string, string>>): Buffer {
  const message = (type: string, body: Buffer) => {
    const head = Buffer.alloc(5);
    head.write(type, 0, "latin1");
    head.writeUInt32BE(body.length + 4, 1);
    return Buffer.concat([head, body]);
  };
  return Buffer.concat([
    message("R", Buffer.alloc(4)),
    ...Object.entries(parameters).map(([name, value]) => message("S", Buffer.from(`${name}\0${value}\0`))),
    message("K", Buffer.alloc(8)),
    message("Z", Buffer.from("I")),
  ]);
}
