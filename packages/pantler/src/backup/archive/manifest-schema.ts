import * as v from "valibot";
import { isSafeName } from "../stores/store.js";
import { isId } from "./archive-names.js";
import type { Drill, Manifest } from "./manifest.js";

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const id = v.pipe(v.string(), v.check(isId));
const moment = v.pipe(
  v.string(),
  v.isoTimestamp(),
  v.check((text) => text.endsWith("Z") && !Number.isNaN(Date.parse(text))),
);

/** No store counts so far; the next backup's number has to be a number too. */
const sequence = v.pipe(count, v.maxValue(2 ** 48));

const file = v.object({
  name: v.pipe(v.string(), v.check(isSafeName)),
  bytes: count,
  sha256: hash,
  backup: v.optional(id),
});

const qualified = { schema: v.string(), name: v.string() };

const manifest = v.object({
  format: v.literal(1),
  id,
  sequence,
  createdAt: moment,
  milliseconds: v.pipe(v.number(), v.finite()),
  project: v.string(),
  environment: v.string(),
  name: v.optional(v.string()),
  kind: v.picklist(["full", "schema", "data", "tables"]),
  parent: v.optional(id),
  source: v.object({ database: v.string(), version: v.string(), major: count, role: v.string() }),
  encryption: v.optional(v.picklist(["recipients", "passphrase"])),
  recipients: v.optional(v.array(v.string())),
  schema: v.object({ fingerprint: v.string(), objects: count }),
  roles: v.array(v.string()),
  extensions: v.array(
    v.object({
      name: v.string(),
      schema: v.string(),
      version: v.string(),
      required: v.optional(v.boolean()),
    }),
  ),
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
  sequences: v.array(
    v.object({ ...qualified, lastValue: v.pipe(v.string(), v.regex(/^-?\d{1,19}$/)), isCalled: v.boolean() }),
  ),
  views: v.array(v.object(qualified)),
  leftOut: v.array(v.string()),
  files: v.array(file),
});

/** Checks what a manifest holds; undefined when it is none. */
export function checkManifest(content: unknown): Manifest | undefined {
  const checked = v.safeParse(manifest, content);
  return checked.success ? checked.output : undefined;
}

const drill = v.object({
  at: moment,
  restoreMilliseconds: v.number(),
  milliseconds: v.number(),
  proven: v.boolean(),
  manifest: hash,
  server: v.string(),
  differences: v.array(v.string()),
  leftOut: v.optional(v.array(v.string())),
});

/** Checks what the record of a drill holds; undefined when it is none, or says two things at once. */
export function checkDrill(content: unknown): Drill | undefined {
  const checked = v.safeParse(drill, content);
  if (!checked.success) return undefined;
  const { proven, differences } = checked.output;
  return proven === (differences.length === 0) ? checked.output : undefined;
}
