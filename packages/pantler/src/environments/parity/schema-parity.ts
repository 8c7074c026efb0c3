import { type LedgerRow, readLedger } from "../../migrations/index.js";
import {
  acrossMajors,
  compareSchemas,
  fingerprintOf,
  readSchema,
  type SchemaDifference,
} from "../../schema/index.js";
import type { Side } from "../side.js";

/** Whether two schemas are the same. */
export interface SchemaParity {
  /** The fingerprint on either side. */
  readonly fingerprints: readonly [string, string];
  /** What differs; an extension that only one of them has is no part of it. */
  readonly differences: readonly SchemaDifference[];
}

/** Which migrations only one of two environments has applied. */
export interface LedgerParity {
  readonly onlyLeft: readonly LedgerEntry[];
  readonly onlyRight: readonly LedgerEntry[];
  /** How many both have. */
  readonly common: number;
}

export interface LedgerEntry {
  readonly version: string;
  /** Empty where an old Supabase CLI wrote the row. */
  readonly name: string;
}

/** Compares the schemas of two environments. */
export async function compareSchemasOf(left: Side, right: Side): Promise<SchemaParity> {
  const [ours, theirs] = await Promise.all([readSchema(left.client), readSchema(right.client)]);
  const differences =
    left.major === right.major
      ? compareSchemas(ours, theirs)
      : compareSchemas(acrossMajors(ours), acrossMajors(theirs));
  return {
    fingerprints: [fingerprintOf(ours), fingerprintOf(theirs)],
    // Rows that need one have columns that differ without it.
    differences: differences.filter(({ kind }) => kind !== "extension"),
  };
}

const ledgerIsThere = `
select from pg_class
join pg_namespace on pg_namespace.oid = relnamespace
where nspname = 'supabase_migrations' and relname = 'schema_migrations'
`;

/** The question for a table that is not there would end the transaction that the session may be in. */
async function ledgerOf({ client }: Side): Promise<LedgerRow[]> {
  return (await client.query(ledgerIsThere)).rowCount === 0 ? [] : await readLedger(client);
}

/** Compares the ledgers of two environments. */
export async function compareLedgers(left: Side, right: Side): Promise<LedgerParity> {
  const [ours, theirs] = await Promise.all([ledgerOf(left), ledgerOf(right)]);
  const without = (rows: readonly LedgerRow[], others: readonly LedgerRow[]) => {
    const known = new Set(others.map(({ version }) => version));
    return rows
      .filter(({ version }) => !known.has(version))
      .map(({ version, name }) => ({ version, name: name ?? "" }));
  };
  const onlyLeft = without(ours, theirs);
  return { onlyLeft, onlyRight: without(theirs, ours), common: ours.length - onlyLeft.length };
}
