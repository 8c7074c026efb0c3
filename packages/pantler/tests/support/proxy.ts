import type { AddressInfo } from "node:net";
import { createConnection, createServer, type Socket } from "node:net";

/** A TCP proxy before a server, which can lose a connection at a chosen moment. */
export interface Proxy {
  /** The address of the server as seen through the proxy. */
  readonly url: string;
  /** From now on a client that sends this text loses its connection; `after` lets the server have it first. */
  readonly cutAt: (text: string, after: boolean) => void;
}

/** Runs a test with a proxy before the server that the URL names. */
export async function withProxy(url: string, test: (proxy: Proxy) => Promise<void>): Promise<void> {
  const { hostname: host, port: serverPort } = new URL(url);
  const sockets = new Set<Socket>();
  let cut: { readonly text: string; readonly after: boolean } | undefined;
  const server = createServer((client) => {
    const upstream = createConnection({ host, port: Number(serverPort) });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {});
    }
    upstream.pipe(client);
    client.on("data", (bytes: Buffer) => {
      if (cut && bytes.includes(cut.text)) {
        const { after } = cut;
        cut = undefined;
        upstream.unpipe(client);
        client.destroy();
        if (after) upstream.end(bytes);
        else upstream.destroy();
        return;
      }
      upstream.write(bytes);
    });
    client.on("close", () => {
      if (!upstream.writableEnded) upstream.end();
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
      cutAt: (text, after) => {
        cut = { text, after };
      },
    });
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}
