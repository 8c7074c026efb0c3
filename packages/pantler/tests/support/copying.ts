import {
  type CopiedPart,
  copyOut,
  type Digest,
  digestTable,
  listTables,
  type Part,
  partsOf,
  prepareSession,
  type Table,
} from "../../src/copy/index.js";
import { type Client, withClient } from "../../src/postgres/index.js";
import { DatabaseUrl } from "../../src/project/index.js";

/** Runs a test with a session that is prepared to copy. */
export async function withCopySession<Result>(
  url: string,
  test: (client: Client) => Promise<Result>,
): Promise<Result> {
  return await withClient(addressOf(url), async (client) => {
    await prepareSession(client);
    return await test(client);
  });
}

export function addressOf(url: string): DatabaseUrl {
  return DatabaseUrl.parse(url, "the test");
}

/** A table of schema public as it is listed. */
export async function tableNamed(client: Client, name: string): Promise<Table> {
  const table = (await listTables(client, ["public"])).find((listed) => listed.name === name);
  if (!table) throw new Error(`no table ${name} is listed`);
  return table;
}

/** A table as a single part, however large it is. */
export function wholeOf(table: Table): Part {
  const [part] = partsOf({ ...table, pages: 0, bytes: 0 });
  if (!part) throw new Error("a table has at least one part");
  return part;
}

/** Copies a part and returns its text as it came. */
export async function copiedText(client: Client, part: Part): Promise<CopiedPart<string>> {
  return await copyOut(client, part, async (rows) => {
    const chunks: Buffer[] = [];
    for await (const chunk of rows) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  });
}

/** The digest that the stream of a table gave and the one that the server computes. */
export async function bothDigests(
  client: Client,
  name: string,
): Promise<{ stream: Digest; server: Digest; text: string }> {
  const table = await tableNamed(client, name);
  const { digest, written } = await copiedText(client, wholeOf(table));
  return { stream: digest, server: await digestTable(client, table), text: written };
}

/** Hands text over as a source of rows. */
export async function* rowsOf(...texts: readonly string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text);
}
