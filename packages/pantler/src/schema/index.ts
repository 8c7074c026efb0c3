export { compareSchemas, fingerprintOf, type SchemaDifference } from "./fingerprint.js";
export { managedSchemas } from "./managed-schemas.js";
export { readSchema, type SchemaObject } from "./read-schema.js";
