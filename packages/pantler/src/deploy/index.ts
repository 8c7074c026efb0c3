export { deploy } from "./deploy.js";
export { rehearseOnCopy } from "./rehearse-on-copy.js";
export { renderReport } from "./report.js";
export {
  confirmationPhrase,
  type DeployOutcome,
  type DeployRequest,
  type DeployResult,
  type Proposal,
  type SettledDeployment,
  type Stage,
} from "./request.js";
export { makeWorkflow, type Workflow, writeWorkflow } from "./workflow/workflow.js";
