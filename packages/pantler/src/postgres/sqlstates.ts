import pg from "pg";

/**
 * The SQLSTATEs that decisions are made on, by Postgres' own condition names
 * (https://www.postgresql.org/docs/17/errcodes-appendix.html).
 */
export const sqlstates = {
  activeTransaction: "25001",
  noActiveTransaction: "25P01",
  objectInUse: "55006",
  unsafeNewEnumValue: "55P04",
  lockNotAvailable: "55P03",
  deadlockDetected: "40P01",
  queryCanceled: "57014",
  insufficientPrivilege: "42501",
  invalidPassword: "28P01",
  invalidAuthorization: "28000",
  invalidCatalogName: "3D000",
  invalidSchemaName: "3F000",
  cannotConnectNow: "57P03",
  tooManyConnections: "53300",
  syntaxError: "42601",
  foreignKeyViolation: "23503",
  infiniteRecursion: "42P17",
  undefinedTable: "42P01",
  undefinedObject: "42704",
  duplicateObject: "42710",
  undefinedFunction: "42883",
  dependentObjectsStillExist: "2BP01",
  invalidTransactionTermination: "2D000",
} as const;

/** The SQLSTATE of an error that the server raised; undefined for any other. */
export function sqlstateOf(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined;
}
