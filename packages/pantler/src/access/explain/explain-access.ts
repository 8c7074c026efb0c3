import { type QualifiedName, sqlName } from "../../copy/index.js";
import type { Target } from "../../engine/index.js";
import type { Operation } from "../../operation/index.js";
import { stopWhenAborted } from "../../operation/index.js";
import {
  type Client,
  cancelOnAbort,
  quoteIdentifier,
  refuseTransactionPooler,
  requireServer,
  withClient,
} from "../../postgres/index.js";
import { type ExplainRequest, readPolicies } from "./known-access.js";
import { findOpportunities } from "./opportunities.js";
import { type AccessReading, type ReadingFailure, type RowsSeen, readAccess } from "./read-access.js";
import { type CommandRules, type RoleStanding, whyNotBound } from "./rules.js";
import { untouched } from "./scratch-copy.js";
import type { ExplainedTable } from "./table.js";
import { type IndexTrial, tryIndexes } from "./try-indexes.js";

/** Why an identity sees the rows of a table that it sees, and what that costs. */
export interface AccessExplanation {
  readonly table: QualifiedName;
  readonly identity: { readonly name: string; readonly role: string; readonly userId: string | undefined };
  readonly rowSecurity: {
    readonly enabled: boolean;
    readonly forced: boolean;
    readonly owner: string;
    /** Whether it holds for the identity. */
    readonly bound: boolean;
    readonly sentence: string;
  };
  readonly commands: readonly CommandRules[];
  /** Undefined where the identity may not read the table. */
  readonly rows: RowsSeen | undefined;
  /** The server's refusal to read the table as the identity. */
  readonly failure: ReadingFailure | undefined;
  readonly reading: AccessReading | undefined;
  /** What trying indexes at another scale came to, where that was asked for. */
  readonly trial: IndexTrial | undefined;
}

/**
 * Explains what an identity may do with a table and why: the policies that hold, the rows it sees, the plan, what row
 * security costs, and which index would help. The environment is only read, in transactions that are rolled back.
 * @param signal interrupts the work
 * @throws InputError `table-unknown`, `not-a-table`, `identity-unknown`, `claims-invalid`
 * @throws EnvironmentError `user-unknown`, `role-refused`, `transaction-pooler`, and where it cannot be reached
 * @throws UnchangedError `interrupted`
 */
export async function explainAccess(
  target: Target,
  request: ExplainRequest,
  operation: Operation,
  signal?: AbortSignal,
): Promise<AccessExplanation> {
  refuseTransactionPooler(target.url);
  return await withClient(target.url, async (client) => {
    await requireServer(client, target.url);
    const stopListening = await cancelOnAbort(client, target.url, signal);
    try {
      return await explain(client, target, request, operation, signal);
    } catch (error) {
      stopWhenAborted(signal, untouched, error);
      throw error;
    } finally {
      stopListening();
    }
  });
}

async function explain(
  client: Client,
  target: Target,
  request: ExplainRequest,
  operation: Operation,
  signal: AbortSignal | undefined,
): Promise<AccessExplanation> {
  const known = await operation.step(
    "read the policies",
    async () => await readPolicies(client, target, request),
  );
  const { table, identity, asked, standing, commands } = known;
  stopWhenAborted(signal, untouched);
  const select = selectOf(table, standing);
  const mayRead = commands.some(({ command, outcome }) => command === "select" && outcome !== "no right");
  const { rows, failure, reading } = mayRead
    ? await operation.step(
        "read the table as the identity",
        async () => await readAccess(client, known, select),
      )
    : {};
  stopWhenAborted(signal, untouched);
  const isTried = request.rows !== undefined && standing.bound && reading !== undefined;
  const trial = isTried
    ? await operation.step(`try indexes on a copy`, async (step) => {
        const share = rows?.of ? (rows.seen ?? 0) / rows.of : 0;
        const found = await findOpportunities(client, target.project, { table, identity, standing, share });
        const multiplication = { ...found.multiplication, rows: request.rows ?? 0 };
        return await tryIndexes(
          target,
          multiplication,
          found.candidates,
          { select, request: asked },
          step,
          signal,
        );
      })
    : undefined;
  const { enabled, forced } = table.rowSecurity;
  return {
    table: { schema: table.schema, name: table.name },
    identity: { name: identity.name, role: standing.role, userId: identity.userId },
    rowSecurity: {
      ...{ enabled, forced, owner: table.owner, bound: standing.bound },
      sentence: whyNotBound(table, standing),
    },
    ...{ commands, rows, failure, reading, trial },
  };
}

/** Every column that the role may read. */
function selectOf(table: ExplainedTable, { granted, readable }: RoleStanding): string {
  const columns = granted.select === "table" ? "*" : readable.map(quoteIdentifier).join(", ");
  return `select ${columns} from ${sqlName(table)}`;
}
