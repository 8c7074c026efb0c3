export { copyIn } from "./copy-in.js";
export { type CopiedPart, copyOut } from "./copy-out.js";
export { addDigests, type Digest, digestText, emptyDigest, parseDigest } from "./digest.js";
export { inParallel } from "./in-parallel.js";
export { lockForReading } from "./lock-tables.js";
export { listFilledViews, refreshViews } from "./materialised-views.js";
export { type Part, partsOf } from "./parts.js";
export {
  readSequences,
  restoreSequences,
  type SequenceState,
} from "./sequences.js";
export { digestPart, digestStatement, digestTable } from "./server-digest.js";
export { prepareSession, requireUtf8, rowSettings } from "./session.js";
export { copyConnections, type Snapshot, withSnapshot } from "./snapshot.js";
export {
  listTables,
  type QualifiedName,
  requireReadable,
  sqlColumns,
  sqlName,
  type Table,
} from "./tables.js";
