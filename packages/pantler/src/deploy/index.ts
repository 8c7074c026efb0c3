export { makeWorkflow, type Workflow, writeWorkflow } from "./workflow/workflow.js";
export { type Proposal, type DeployRequest, type DeployResult, type DeployOutcome, type SettledDeployment, type Stage, confirmationPhrase } from "./request.js";
export { deploy } from "./deploy.js";
export { renderReport } from "./report.js";
export { rehearseOnCopy } from "./rehearse-on-copy.js";
