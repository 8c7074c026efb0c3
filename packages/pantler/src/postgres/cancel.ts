import type { DatabaseUrl } from "../project/index.js";
import { type Client, withClient } from "./connection.js";

/**
 * Cancels what the server is doing for a session when a signal is aborted; the statement then fails as any may, with
 * 57014. A session that does nothing at that moment is not disturbed, so the signal has to be looked at as well.
 * @returns ends the watch
 */
export async function cancelOnAbort(
  client: Client,
  url: DatabaseUrl,
  signal: AbortSignal | undefined,
): Promise<() => void> {
  if (!signal) return () => {};
  const { rows } = await client.query<{ backend: number }>("select pg_backend_pid() as backend");
  const cancel = () => {
    // If the request does not get through, the statement ends by itself and the signal is seen after it.
    void withClient(url, (second) => second.query("select pg_cancel_backend($1)", [rows[0]?.backend])).catch(
      () => {},
    );
  };
  signal.addEventListener("abort", cancel, { once: true });
  return () => signal.removeEventListener("abort", cancel);
}
