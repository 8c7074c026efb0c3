import type { Client } from "../../postgres/index.js";
import type { GeneratedTable, GenerateRequest } from "./generation.js";

/**
 * Adds the rows that a definition wants and the database lacks, in the transaction that is open: it asks for nothing but
 * what the tables' owner may do, and triggers fire as for anybody else's rows.
 * @throws InputError where the definition does not suit the database, or no rows can be found that satisfy a constraint
 * @throws the server's errors
 */
export async function generateRows(client: Client, request: GenerateRequest): Promise<GeneratedTable[]> {
  // Other commands come by here as well, and should not wait for what makes rows.
  const { addRows } = await import("./generate.js");
  return await addRows(client, request);
}
