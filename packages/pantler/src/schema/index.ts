export type { DumpEntry, NameInSchema } from "./dump-entry.js";
export { type DumpRequest, dumpSchema, type SchemaDump } from "./dump-schema.js";
export { parseEntries, renderEntries } from "./entry-text.js";
export { type Extension, readExtensions } from "./extensions.js";
export { compareSchemas, fingerprintOf, type SchemaDifference } from "./fingerprint.js";
export { dumpedSchemas, managedRoles, managedSchemas, readSchemas, type Schemas } from "./managed-schemas.js";
export { readSchema, type SchemaObject } from "./read-schema.js";
export { renderRoles } from "./render-roles.js";
export { type Membership, type Role, type RoleSetting, readRoles } from "./roles.js";
