import type { AccessFinding, AccessFixes, AccessLint } from "../index.js";
import { counted } from "../operation/index.js";
import { printable } from "./columns.js";
import type { Paint } from "./output.js";
import { gitHubCommands, inMessage, inProperty, marks, sarifDocument, total } from "./render-lint.js";

/** The findings as a person reads them: subject by subject, with what to do below each. */
export function renderAccessFindings({ findings, accepted }: AccessLint, paint: Paint): string {
  const lines: string[] = [];
  let subject: string | undefined;
  for (const finding of findings) {
    const { level, rule, message, remedy } = finding;
    if (finding.subject !== subject) {
      if (subject !== undefined) lines.push("");
      subject = finding.subject;
      lines.push(paint.bold(printable(subject)));
    }
    lines.push(`  ${paint[marks[level]](level)} ${paint.dim(rule)}`);
    lines.push(`    ${printable(message)}`, `    ${paint.dim("→")} ${printable(remedy)}`);
  }
  if (lines.length > 0) lines.push("");
  const rest = accepted.length === 0 ? "" : ` ${counted(accepted.length, "finding")} accepted by the config.`;
  return [...lines, `${total(findings)}${rest && findings.length > 0 ? "." : ""}${rest}`].join("\n");
}

/** What was written to mend findings. */
export function renderAccessFixes({ migration, fixed, unproven }: AccessFixes, environment: string): string {
  const left =
    unproven.length === 0
      ? []
      : [
          `For ${counted(unproven.length, "finding")} the matrix cannot tell what a rewriting would change, for lack of rows or because of what triggers do: seed the tables, or mend them by hand.`,
        ];
  if (!migration)
    return [...left, "Nothing that was found could be rewritten: no file was written."].join("\n");
  return [
    ...migration.files,
    `They mend ${counted(fixed.length, "finding")}; on a copy of ${environment} nobody's access changed, and the rollback left what was there.`,
    ...left,
  ].join("\n");
}

/** Commands by which a GitHub workflow shows findings; they stand at no line of any file. */
export function renderAccessGitHub({ findings }: AccessLint): string {
  return findings
    .map(
      ({ level, rule, message, remedy }) =>
        `::${gitHubCommands[level]} title=${inProperty(rule)}::${inMessage(`${message} ${remedy}`)}`,
    )
    .join("\n");
}

/** The findings as SARIF 2.1.0, each at the object in the database that it is about. */
export async function renderAccessSarif({ findings }: AccessLint): Promise<string> {
  const { accessRules } = await import("../index.js");
  const rules = Object.entries(accessRules).map(([id, rule]) => ({
    ...rule,
    id,
    tags: ["access", ...(rule.advisor === undefined ? [] : rule.advisor.split(", "))],
  }));
  const located = ({ subject, ...finding }: AccessFinding) => ({
    ...finding,
    location: { logicalLocations: [{ fullyQualifiedName: subject }] },
  });
  return sarifDocument(rules, findings.map(located));
}
