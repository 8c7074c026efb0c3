import type { Operation } from "../../operation/index.js";
import { counted } from "../../operation/index.js";
import { loadParser, requireServer, withClient } from "../../postgres/index.js";
import type { DatabaseUrl, Project } from "../../project/index.js";
import { readSchemas } from "../../schema/index.js";
import { readOwnership } from "../ownership.js";
import { idle, setAccepted } from "./accepted.js";
import { judgeColumns } from "./column-rules.js";
import { LintContext } from "./context.js";
import { judgeCosts } from "./cost-rules.js";
import { judgeExposure } from "./exposure-rules.js";
import type { AccessFinding, AccessLint } from "./finding.js";
import { judgeHiddenRows } from "./hidden-rows-rules.js";
import { judgeMemberships } from "./membership-rules.js";
import { judgeOwnership } from "./ownership-rules.js";
import { judgePolicies } from "./policy-rules.js";
import { judgePrivileges } from "./privilege-rules.js";
import { readFacts } from "./read-facts.js";
import { judgeRecursion } from "./recursion-rule.js";
import { judgeRoutines } from "./routine-rules.js";
import { judgeShapes } from "./shape-rules.js";
import { judgeTrust } from "./trust-rules.js";

const sets = [
  ...[
    judgeExposure,
    judgeColumns,
    judgeRoutines,
    judgePolicies,
    judgeTrust,
    judgePrivileges,
    judgeMemberships,
  ],
  ...[judgeRecursion, judgeOwnership, judgeHiddenRows, judgeCosts, judgeShapes],
];

/**
 * Judges who can see and change what in a live database, by its catalog: what is exposed, what policies let through and
 * what they cost. Nothing is changed, and no row of the project's is read.
 * @returns the findings, gravest first, and those that the config accepts
 * @throws InputError `owner-unknown` when the config names a column that is not there
 * @throws EnvironmentError when the database cannot be reached, or its catalogs cannot be read
 */
export async function lintAccess(
  url: DatabaseUrl,
  project: Project,
  operation: Operation,
): Promise<AccessLint> {
  return (await judge(url, project, operation)).lint;
}

/** Does that, and gives what it was judged by along. */
export async function judge(
  url: DatabaseUrl,
  project: Project,
  operation: Operation,
): Promise<{ readonly lint: AccessLint; readonly context: LintContext }> {
  return await operation.step("judge the catalog", async (step) => {
    await loadParser();
    const context = await withClient(url, async (client) => {
      await requireServer(client, url);
      const { own } = await readSchemas(client);
      const served = project.access.schemas;
      const ownership = await readOwnership(client, project);
      return new LintContext(await readFacts(client, own, served), ownership, own, served);
    });
    if (!context.facts.publicBuckets) {
      const role = url.user;
      operation.finding(
        "warning",
        `${role} may not read storage.buckets: whether one is public was not judged`,
      );
    }
    for (const ask of sets) ask(context);
    const lint = setAccepted(context.findings.sort(compareFindings), project.access.accept);
    for (const { rule, on } of idle(lint, project.access.accept)) {
      operation.finding("warning", `access.accept of the config names ${rule} on ${on}, which was not found`);
    }
    step.note(counted(lint.findings.length, "finding"));
    return { lint, context };
  });
}

const order = ["error", "warning", "info"];

function compareFindings(left: AccessFinding, right: AccessFinding): number {
  const [a, b] = [left, right].map(
    ({ level, subject, rule }) => `${order.indexOf(level)} ${subject} ${rule}`,
  );
  return (a ?? "") < (b ?? "") ? -1 : 1;
}
