import type { Client } from "../postgres/index.js";
import { isOpen, readControl } from "./control.js";
import { readLedger } from "./ledger.js";

/** How far a migration came: `half-done` is one that stopped outside of a transaction. */
export interface PhaseState {
  readonly version: string;
  readonly name: string;
  readonly state: "applied" | "half-done" | "not-applied";
  /** How long its last run took; 0 where none is recorded. */
  readonly milliseconds: number;
}

/**
 * Tells how far migrations came, from the ledger and the control table.
 * @param client a connection that holds the deployment lock: what is running then belongs to nobody
 */
export async function readPhaseStates(client: Client, versions: readonly string[]): Promise<PhaseState[]> {
  const applied = new Set((await readLedger(client)).map(({ version }) => version));
  const control = new Map((await readControl(client)).map((record) => [record.version, record]));
  return versions.map((version): PhaseState => {
    const record = control.get(version);
    const isHalf = record !== undefined && isOpen(record) && record.transactional === false;
    return {
      version,
      name: record?.name ?? "",
      state: isHalf ? "half-done" : applied.has(version) ? "applied" : "not-applied",
      milliseconds: record?.completedAt ? record.completedAt.getTime() - record.startedAt.getTime() : 0,
    };
  });
}
