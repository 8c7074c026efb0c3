import type { Target } from "../engine/index.js";
import {
  type Batch,
  findDrift,
  type LintFinding,
  lintMigrations,
  outermost,
  planFingerprint,
  readPendingPlan,
} from "../migrations/index.js";
import { atMost, type Operation, RefusedError, stopWhenAborted } from "../operation/index.js";
import { isInWindow } from "../project/index.js";
import { differenceInWords } from "../schema/index.js";
import type { DeploymentHold } from "./deployment-hold.js";
import type { DeployRequest } from "./request.js";
import { requireRights } from "./rights.js";

/** What is known of a deployment before anything is done. */
export interface ValidPlan {
  readonly batches: readonly Batch[];
  /** In the order in which they are applied. */
  readonly versions: readonly string[];
  /** Changes when a file does. */
  readonly fingerprint: string;
  readonly findings: readonly LintFinding[];
}

/** The state of everything while a deployment is only getting ready. */
export const nothingDone = "Nothing was done.";

/**
 * Finds out, reading only, whether a deployment may begin: the hours, the role's rights, the breaker, what is pending,
 * what lint finds in it, and whether the live schema is what the migrations made.
 * @throws RefusedError `outside-window`, `lint-errors`, `drift`, `breaker-open`, and for drift of files and ledger
 * @throws EnvironmentError `right-missing`
 */
export async function validate(
  target: Target,
  request: DeployRequest,
  { client, serverMajor }: DeploymentHold,
  operation: Operation,
  signal: AbortSignal | undefined,
): Promise<ValidPlan> {
  requireWindow(target, request, nothingDone);
  const batches = await operation.step("read files and ledger", async (step) => {
    for (const sentence of await requireRights(client, target)) operation.finding("warning", sentence);
    const plan = await readPendingPlan(client, target, request, serverMajor);
    step.note(describePending(plan));
    return plan;
  });
  const versions = batches.flatMap(({ migrations }) => migrations.map(({ version }) => version));
  if (versions.length === 0)
    return { batches, versions, fingerprint: planFingerprint(batches), findings: [] };
  const findings = await lint(target, versions, client, operation);
  stopWhenAborted(signal, nothingDone);
  await refuseDrift(target, request, operation, signal);
  return { batches, versions, fingerprint: planFingerprint(batches), findings };
}

/**
 * Refuses to deploy outside of the environment's hours.
 * @param state what that leaves
 * @throws RefusedError `outside-window`
 */
export function requireWindow({ environment }: Target, { now }: DeployRequest, state: string): void {
  const { window } = environment;
  if (now || !window || isInWindow(window, new Date())) return;
  throw new RefusedError({
    code: "outside-window",
    message: `${environment.name} is deployed to at ${window.text} only; it is ${new Date().toISOString()}.`,
    state,
    remedy: "Wait until then; or, if it cannot wait, add --now.",
  });
}

async function lint(
  target: Target,
  versions: readonly string[],
  client: DeploymentHold["client"],
  operation: Operation,
): Promise<LintFinding[]> {
  const findings = await lintMigrations(target.project, client, { versions: new Set(versions) }, operation);
  for (const { level, file, line, rule, message } of findings) {
    if (level !== "error") operation.finding(level, `${file}:${line}: ${message} (${rule})`);
  }
  const errors = findings.filter(({ level }) => level === "error");
  const [first] = errors;
  if (!first) return findings;
  const all = `See all: pantler migration lint --env ${target.environment.name}`;
  if (errors.length === 1) {
    const message = `${first.file}:${first.line}: ${first.message} (${first.rule})`;
    throw new RefusedError({
      code: "lint-errors",
      message,
      state: nothingDone,
      remedy: `${first.remedy} ${all}`,
    });
  }
  throw new RefusedError({
    code: "lint-errors",
    message: `${errors.length} things in the pending migrations would break, expose or lose data.`,
    detail: errors
      .map(({ file, line, rule, message, remedy }) => `${file}:${line}: ${message} (${rule})\n  ${remedy}`)
      .join("\n"),
    state: nothingDone,
    remedy: `Mend what is named. ${all}`,
  });
}

async function refuseDrift(
  target: Target,
  { acceptDrift }: DeployRequest,
  operation: Operation,
  signal: AbortSignal | undefined,
): Promise<void> {
  const drift = await findDrift(target, operation, signal);
  const { differences, hints, unbuilt } = drift;
  for (const { version, because } of unbuilt) {
    operation.finding(
      "warning",
      `what ${version} makes could not be built, and was not compared: ${because}`,
    );
  }
  if (differences.length === 0) return;
  const told = outermost(differences).map((each) => differenceInWords(each, "was made by no migration"));
  const detail = [...atMost(told, namedAtMost), ...hints].join("\n");
  const environment = target.environment.name;
  const message = `The schema of ${environment} is not what its migrations make: ${differences.length} objects differ.`;
  if (acceptDrift) {
    operation.finding("warning", `${message}\n${detail}`);
    return;
  }
  throw new RefusedError({
    code: "drift",
    message,
    detail,
    state: nothingDone,
    remedy: `See it with pantler migration drift --env ${environment}; write it down with pantler migration new <name> --from-drift; or go on all the same with --accept-drift.`,
  });
}

/** So many differences are named. */
const namedAtMost = 12;

function describePending(batches: readonly Batch[]): string {
  const count = batches.reduce((sum, { migrations }) => sum + migrations.length, 0);
  if (count === 0) return "nothing is pending";
  const pending = count === 1 ? "1 migration is pending" : `${count} migrations are pending`;
  return batches.length === 1 ? `${pending}, in one transaction` : `${pending}, in ${batches.length} parts`;
}
