import * as v from "valibot";
import type { Manifest } from "./manifest.js";

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));

const file = v.object({
  name: v.string(),
  bytes: count,
  sha256: hash,
  backup: v.optional(v.string()),
});

const qualified = { schema: v.string(), name: v.string() };

const manifest = v.object({
  format: v.literal(1),
  id: v.string(),
  sequence: count,
  createdAt: v.pipe(v.string(), v.isoTimestamp()),
  milliseconds: v.number(),
  project: v.string(),
  environment: v.string(),
  name: v.optional(v.string()),
  kind: v.picklist(["full", "schema", "data", "tables"]),
  parent: v.optional(v.string()),
  source: v.object({ database: v.string(), version: v.string(), major: count, role: v.string() }),
  encryption: v.optional(v.picklist(["recipients", "passphrase"])),
  recipients: v.optional(v.array(v.string())),
  schema: v.object({ fingerprint: v.string(), objects: count }),
  roles: v.array(v.string()),
  extensions: v.array(v.object({ name: v.string(), schema: v.string(), version: v.string() })),
  tables: v.array(
    v.object({
      ...qualified,
      columns: v.array(v.string()),
      rows: count,
      digest: v.string(),
      bytes: count,
      files: v.array(file),
      partOf: v.optional(v.array(v.object(qualified))),
      entrance: v.optional(v.object(qualified)),
      callsFunctions: v.optional(v.boolean()),
    }),
  ),
  sequences: v.array(v.object({ ...qualified, lastValue: v.string(), isCalled: v.boolean() })),
  views: v.array(v.object(qualified)),
  leftOut: v.array(v.string()),
  files: v.array(file),
});

/** Checks what a manifest holds; undefined when it is none. */
export function checkManifest(content: unknown): Manifest | undefined {
  const checked = v.safeParse(manifest, content);
  return checked.success ? checked.output : undefined;
}
