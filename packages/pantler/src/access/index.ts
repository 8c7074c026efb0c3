export { type AccessExplanation, explainAccess } from "./explain/explain-access.js";
export type { ExplainRequest } from "./explain/known-access.js";
export { planLines } from "./explain/plan.js";
export type { AccessReading } from "./explain/read-access.js";
export type { IndexTrial } from "./explain/try-indexes.js";
