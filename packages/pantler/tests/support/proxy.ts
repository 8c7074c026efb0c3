import type { AddressInfo } from "node:net";
import { createConnection, createServer, type Socket } from "node:net";

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
}

/** Runs a test with a proxy before the server that the URL names. */
export async function withProxy(url: string, test: (proxy: Proxy) => Promise<void>): Promise<void> {
  const { hostname: host, port: serverPort } = new URL(url);
  const sockets = new Set<Socket>();
  let cut: { readonly text: string; readonly after: boolean; readonly forGood: boolean } | undefined;
  let closed = false;
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
    upstream.pipe(client);
    client.on("data", (bytes: Buffer) => {
      if (cut && bytes.includes(cut.text)) {
        const { after } = cut;
        closed = cut.forGood;
        cut = undefined;
        upstream.unpipe(client);
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
      upstream.write(bytes);
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
    });
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}
