export { makeWorkflow, type Workflow, writeWorkflow } from "./workflow/workflow.js";
