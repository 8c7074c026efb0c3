import { quoteIdentifier } from "../../postgres/index.js";
import {
  acrossMajors,
  compareSchemas,
  type DumpEntry,
  differenceInWords,
  fingerprintOf,
  type SchemaObject,
} from "../../schema/index.js";
import { fileNames } from "../archive/archive-names.js";
import type { ArchiveReader } from "../archive/archive-reader.js";
import { constraintOf } from "./entry-order.js";

/**
 * Tells how a restored schema differs from that of the backup.
 * @param major that of the server restored into: those of different majors print the same thing in different words
 * @param leftOut foreign keys that were not restored
 * @returns in words; empty when all is the same
 */
export async function schemaDifferences(
  reader: ArchiveReader,
  restored: readonly SchemaObject[],
  major: number,
  leftOut: readonly DumpEntry[] = [],
): Promise<string[]> {
  const { source, schema } = reader.manifest;
  if (fingerprintOf(restored) === schema.fingerprint) return [];
  const written = JSON.parse(await reader.text(fileNames.objects)) as SchemaObject[];
  const expected = written.filter((object) => !leftOut.some((key) => isOf(object, key)));
  const differences =
    source.major === major
      ? compareSchemas(expected, restored)
      : compareSchemas(acrossMajors(expected), acrossMajors(restored));
  return differences.map((each) => differenceInWords(each, "was not in the backup"));
}

/** Whether an object is a foreign key, one of its copies for partitions, or the comment on it. */
function isOf({ kind, name, definition }: SchemaObject, key: DumpEntry): boolean {
  const plainName = constraintOf(key);
  const names = [plainName, quoteIdentifier(plainName)];
  if (kind === "comment") return names.some((each) => name.startsWith(`table constraint ${each} on `));
  return (
    kind === "constraint" &&
    definition.startsWith("FOREIGN KEY") &&
    names.some((each) => name.endsWith(`.${each}`))
  );
}
