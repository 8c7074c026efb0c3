import { type Snapshot, withSnapshot } from "../../copy/index.js";
import type { Target } from "../../engine/index.js";
import type { Operation } from "../../operation/index.js";
import { environmentProblem, refuseTransactionPooler, requireServer } from "../../postgres/index.js";
import { differenceInWords } from "../../schema/index.js";
import { refuseSameDatabase, type Side } from "../side.js";
import { compareTables, type TablePair, type TableParity } from "./compare-tables.js";
import { type DifferingRows, findDifferingRows } from "./differing-rows.js";
import { pairTables, pairUsers } from "./pair-tables.js";
import { readProjectData } from "./project-tables.js";
import { compareLedgers, compareSchemasOf, type LedgerParity } from "./schema-parity.js";
import { conditionOnUsers, type WhichUsers } from "./which-users.js";

export interface ParityRequest {
  /** Whose users are compared: `test` by default, those who belong to nobody. */
  readonly users?: WhichUsers | undefined;
  /** So many differing rows are named for each table, by their keys; none by default. */
  readonly differences?: number | undefined;
  /** Say of these rows which columns differ. */
  readonly columns?: boolean | undefined;
}

/** A table, and the rows of it that differ where they were asked for. */
export interface ComparedTable extends TableParity {
  readonly differing?: DifferingRows | undefined;
}

export interface ParityResult {
  readonly left: string;
  readonly right: string;
  /** Whether everything is the same. */
  readonly equal: boolean;
  readonly schema: {
    readonly equal: boolean;
    readonly fingerprints: readonly [string, string];
    /** In words. */
    readonly differences: readonly string[];
  };
  readonly ledger: LedgerParity & { readonly equal: boolean };
  readonly tables: readonly ComparedTable[];
  readonly users: {
    readonly which: WhichUsers;
    /** `auth.users` and `auth.identities`, as far as those users are concerned. */
    readonly tables: readonly ComparedTable[];
    /** The addresses of those users on either side. */
    readonly left: readonly string[];
    readonly right: readonly string[];
  };
}

/**
 * Compares two environments, each at one moment: schema, migrations, rows of every table, users. Rows are compared by
 * digests that the servers compute; both are only read.
 * @throws RefusedError `same-database`
 * @throws EnvironmentError where one of them cannot be read
 */
export async function verifyParity(
  left: Target,
  right: Target,
  request: ParityRequest,
  operation: Operation,
): Promise<ParityResult> {
  for (const { url } of [left, right]) refuseTransactionPooler(url);
  return await withSnapshot(left.url, async (ours) => {
    return await withSnapshot(right.url, async (theirs) => {
      const sides = [await sideOf(left, ours), await sideOf(right, theirs)] as const;
      await refuseSameDatabase(...sides);
      return await compare(sides, [ours, theirs], request, operation);
    });
  });
}

async function sideOf(target: Target, { client }: Snapshot): Promise<Side> {
  const major = await requireServer(client, target.url);
  return { target, name: target.environment.name, client, major };
}

async function compare(
  [left, right]: readonly [Side, Side],
  snapshots: readonly [Snapshot, Snapshot],
  request: ParityRequest,
  operation: Operation,
): Promise<ParityResult> {
  const which = request.users ?? "test";
  const { schema, ledger } = await operation.step("compare schema and migrations", async () => {
    const found = await compareSchemasOf(left, right);
    const differences = found.differences.map((each) => differenceInWords(each, `is only in ${right.name}`));
    const migrations = await compareLedgers(left, right);
    return {
      schema: { equal: differences.length === 0, fingerprints: found.fingerprints, differences },
      ledger: { ...migrations, equal: migrations.onlyLeft.length + migrations.onlyRight.length === 0 },
    };
  });
  const { tables, users } = await operation.step("compare the rows", async (step) => {
    const [ours, theirs] = await Promise.all([readProjectData(left.client), readProjectData(right.client)]);
    const pairs = pairTables(ours, theirs);
    const ofUsers = pairUsers(ours, theirs, left.target.project, which);
    const all = [...pairs, ...ofUsers];
    const found = await compareTables(...snapshots, all, (done) => step.progress(done, all.length, "tables"));
    const compared = await withDifferences(left, right, all, found, request);
    return { tables: compared.slice(0, pairs.length), users: compared.slice(pairs.length) };
  });
  const isEqual = [...tables, ...users].every(({ equal }) => equal);
  return {
    left: left.name,
    right: right.name,
    equal: schema.equal && ledger.equal && isEqual,
    schema,
    ledger,
    tables,
    users: {
      which,
      tables: users,
      left: users.length > 0 ? await addressesOf(left, which) : [],
      right: users.length > 0 ? await addressesOf(right, which) : [],
    },
  };
}

async function withDifferences(
  left: Side,
  right: Side,
  pairs: readonly TablePair[],
  found: readonly TableParity[],
  { differences: limit = 0, columns: withColumns = false }: ParityRequest,
): Promise<ComparedTable[]> {
  const compared: ComparedTable[] = [];
  for (const [place, table] of found.entries()) {
    const pair = pairs[place];
    const isLookedInto = limit > 0 && !table.equal && pair?.left !== undefined && pair.right !== undefined;
    if (!pair || !isLookedInto) compared.push(table);
    else {
      const differing = await findDifferingRows(left.client, right.client, pair, { limit, withColumns });
      compared.push({ ...table, differing });
    }
  }
  return compared;
}

async function addressesOf({ client, target }: Side, which: WhichUsers): Promise<string[]> {
  const condition = conditionOnUsers(target.project, which) ?? "true";
  try {
    const { rows } = await client.query<{ email: string }>(
      `select email from auth.users where email is not null and (${condition}) order by 1`,
    );
    return rows.map(({ email }) => email);
  } catch (error) {
    throw environmentProblem(target.url, error) ?? error;
  }
}
