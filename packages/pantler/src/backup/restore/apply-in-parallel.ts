import { inParallel, sqlName } from "../../copy/index.js";
import type { Client } from "../../postgres/index.js";
import type { DumpEntry } from "../../schema/index.js";
import { applyEntries, applyEntry } from "./apply-entries.js";

/** Entries that take long and concern only the tables they name; those of one group depend on none of the same. */
const groups: Readonly<Record<string, string>> = {
  INDEX: "indexes and keys",
  CONSTRAINT: "indexes and keys",
  "FK CONSTRAINT": "foreign keys",
};

/**
 * Applies entries in their order, save that runs of indexes and keys, and runs of foreign keys, are made over several
 * connections at once: never two that lock the same table.
 * @param onDone told how many entries are done
 */
export async function applyInParallel(
  clients: readonly Client[],
  entries: readonly DumpEntry[],
  onDone: (entries: number) => void,
): Promise<void> {
  const [first] = clients;
  if (!first) throw new Error("a restore needs a connection");
  for (let from = 0; from < entries.length; ) {
    const group = groupOf(entries[from]);
    let to = from + 1;
    while (to < entries.length && groupOf(entries[to]) === group) to += 1;
    const run = entries.slice(from, to);
    const before = from;
    const report = (done: number) => onDone(before + done);
    if (group === undefined) await applyEntries(first, run, false, report);
    else await applyRun(clients, run, report);
    from = to;
  }
}

function groupOf(entry: DumpEntry | undefined): string | undefined {
  if (entry?.relation === undefined) return undefined;
  // Without the table it refers to it cannot be known what a foreign key locks.
  return entry.type === "FK CONSTRAINT" && !entry.references ? undefined : groups[entry.type];
}

async function applyRun(
  clients: readonly Client[],
  run: readonly DumpEntry[],
  onDone: (entries: number) => void,
): Promise<void> {
  const remaining = [...run];
  const locked = new Set<string>();
  let waiting: (() => void)[] = [];
  let done = 0;
  const take = async (): Promise<DumpEntry> => {
    for (;;) {
      const free = remaining.findIndex((entry) => tablesOf(entry).every((table) => !locked.has(table)));
      const [entry] = free < 0 ? [] : remaining.splice(free, 1);
      if (entry) {
        for (const table of tablesOf(entry)) locked.add(table);
        return entry;
      }
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
  };
  const giveBack = (entry: DumpEntry) => {
    for (const table of tablesOf(entry)) locked.delete(table);
    for (const resume of waiting) resume();
    waiting = [];
  };
  await inParallel(
    clients,
    run,
    async (client) => {
      const entry = await take();
      try {
        await applyEntry(client, entry, false);
      } finally {
        giveBack(entry);
      }
      done += 1;
      onDone(done);
    },
    (client) => client.end().catch(() => {}),
  );
}

function tablesOf({ relation, references }: DumpEntry): string[] {
  return [relation, references].flatMap((name) => (name ? [sqlName(name)] : []));
}
