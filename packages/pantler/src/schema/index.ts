export { acrossMajors } from "./across-majors.js";
export type { DumpEntry } from "./dump-entry.js";
export { type DumpRequest, dumpSchema, type SchemaDump } from "./dump-schema.js";
export { parseEntries, renderEntries } from "./entry-text.js";
export { type Extension, readExtensions } from "./extensions.js";
export {
  compareSchemas,
  differenceInWords,
  fingerprintOf,
  isLeftExtension,
  type SchemaDifference,
} from "./fingerprint.js";
export { whereAllowed } from "./guards.js";
export { lendRights } from "./lent-rights.js";
export { dumpedSchemas, managedRoles, managedSchemas, readSchemas } from "./managed-schemas.js";
export { asNode, namesIn } from "./parsed-statement.js";
export { readSchema, type SchemaObject } from "./read-schema.js";
export { renderRoles } from "./render-roles.js";
export { type Role, readRoles } from "./roles.js";
export { supabasesFunction } from "./supabase-functions.js";
