export { cancelOnAbort } from "./cancel.js";
export {
  classifyStatement,
  isOrdinary,
  loadParser,
  parseStatements,
  SqlSyntaxProblem,
  type StatementClass,
} from "./classify.js";
export {
  type Client,
  connect,
  environmentProblem,
  isConnectionLoss,
  refuseTransactionPooler,
  requireServer,
  withClient,
} from "./connection.js";
export { holdsDeploymentLock, requireHeldLock, takeDeploymentLock } from "./deployment-lock.js";
export { actAs, type Identity, parseIdentity } from "./identities.js";
export { watchBlockers } from "./lock-watch.js";
export { quoteIdentifier, quoteLiteral, quoteQualified } from "./quoting.js";
export { leadingWord, type Statement, splitStatements } from "./split-statements.js";
export { describeSqlProblem, endOfComment, type SqlSource } from "./sql-problem.js";
export { sqlstateOf, sqlstates } from "./sqlstates.js";
export { readTokens } from "./tokens.js";
