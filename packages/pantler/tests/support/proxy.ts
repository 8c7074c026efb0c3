import type { AddressInfo } from "node:net";
import { createConnection, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** A TCP proxy before a server, which can lose a connection at a chosen moment. */
export interface Proxy {
  /** The address of the server as seen through the proxy. */
  readonly url: string;
  /**
   * From now on a client that sends this text loses its connection.
   * @param after lets the server have the text first
   * @param forGood lets nobody in after that
   */
  readonly cutAt: (text: string, after: boolean, forGood?: boolean) => void;
  /** How many bytes the server has sent so far, over all connections. */
  readonly received: () => number;
  /** The connection over which the server sends the last of so many more bytes is lost right after it. */
  readonly cutAfter: (bytes: number) => void;
  /** How many bytes clients have sent so far, over all connections. */
  readonly sent: () => number;
  /** The connection over which a client sends the last of so many more bytes is lost right after it. */
  readonly cutAfterSent: (bytes: number) => void;
  /** From now on what the server sends comes in pieces of at most so many bytes, each by itself. */
  readonly sendInPieces: (bytes: number) => void;
}

/** Runs a test with a proxy before the server that the URL names. */
export async function withProxy(url: string, test: (proxy: Proxy) => Promise<void>): Promise<void> {
  const { hostname: host, port: serverPort } = new URL(url);
  const sockets = new Set<Socket>();
  let cut: { readonly text: string; readonly after: boolean; readonly forGood: boolean } | undefined;
  let closed = false;
  let received = 0;
  let lastByte = Number.POSITIVE_INFINITY;
  let pieceSize = Number.POSITIVE_INFINITY;
  let sent = 0;
  let lastSent = Number.POSITIVE_INFINITY;

  async function forward(upstream: Socket, client: Socket): Promise<void> {
    for await (const bytes of upstream as AsyncIterable<Buffer>) {
      let at = 0;
      // What comes for a client that is gone is taken from the server, and is nobody's.
      while (at < bytes.length && !client.destroyed) {
        const piece = bytes.subarray(at, Math.min(at + pieceSize, at + lastByte - received));
        at += piece.length;
        received += piece.length;
        if (received === lastByte) {
          lastByte = Number.POSITIVE_INFINITY;
          client.end(piece);
          return;
        }
        await new Promise<void>((resolve) => client.write(piece, () => resolve()));
        if (pieceSize < bytes.length) await sleep(1);
      }
    }
  }

  const server = createServer((client) => {
    if (closed) {
      client.destroy();
      return;
    }
    let lingers = false;
    const upstream = createConnection({ host, port: Number(serverPort) });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {});
    }
    client.setNoDelay(true);
    // When one side breaks, so does the loop; the other side is closed below.
    void forward(upstream, client).catch(() => {});
    client.on("data", (bytes: Buffer) => {
      if (cut && bytes.includes(cut.text)) {
        const { after } = cut;
        closed = cut.forGood;
        cut = undefined;
        client.destroy();
        if (after) {
          lingers = true;
          upstream.write(bytes);
          // As a pooler does, which notices late that nobody is there any more.
          setTimeout(() => upstream.end(), 4000);
        } else {
          upstream.destroy();
        }
        return;
      }
      const piece = bytes.subarray(0, lastSent - sent);
      sent += piece.length;
      upstream.write(piece);
      if (sent < lastSent) return;
      lastSent = Number.POSITIVE_INFINITY;
      client.destroy();
    });
    client.on("close", () => {
      if (!lingers) upstream.end();
    });
    upstream.on("close", () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const seen = new URL(url);
  seen.port = String(port);
  try {
    await test({
      url: seen.href,
      cutAt: (text, after, forGood = false) => {
        cut = { text, after, forGood };
      },
      received: () => received,
      cutAfter: (bytes) => {
        lastByte = received + bytes;
      },
      sent: () => sent,
      cutAfterSent: (bytes) => {
        lastSent = sent + bytes;
      },
      sendInPieces: (bytes) => {
        pieceSize = bytes;
      },
    });
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}
