import type { DeployResult, Proposal } from "../index.js";
import { timeInWords } from "../operation/index.js";
import { migrationTitle, type Paint } from "./output.js";
import { rehearsalFields } from "./rehearsal-fields.js";
import { renderRehearsed } from "./render-rehearsal.js";

/** What somebody reads before typing the confirmation. */
export function renderProposal({ backup, rehearsal, findings }: Proposal, paint: Paint): string {
  const warnings = findings.filter(({ level }) => level === "warning").length;
  const lines = [
    renderRehearsed(rehearsal, paint),
    paint.dim(`proven backup ${backup.id}${warnings === 0 ? "" : ` · ${warnings} warnings of lint, above`}`),
  ];
  return lines.join("\n");
}

/** The answer of a deployment for a person. */
export function renderDeployed(result: DeployResult, paint: Paint): string {
  const { outcome, environment, applied, backup, rehearsal, stages, report } = result;
  if (outcome === "nothing-pending") return `Nothing is pending for ${environment}.`;
  const times = paint.dim(
    stages.map(({ name, milliseconds }) => `${name} ${timeInWords(milliseconds)}`).join(" · "),
  );
  const files = paint.dim(`report ${report.join(", ")}`);
  if (outcome === "rehearsed") {
    const shown = rehearsal === undefined ? [] : [renderRehearsed(rehearsal, paint)];
    return [...shown, `Rehearsed for ${environment}; nothing was deployed.`, times, files].join("\n");
  }
  const titles = applied.map(
    (migration) =>
      `${paint.good("✓")} ${migrationTitle(migration)} ${paint.dim(timeInWords(migration.milliseconds))}`,
  );
  const count = applied.length === 1 ? "1 migration" : `${applied.length} migrations`;
  return [
    ...titles,
    `${count} deployed to ${environment}, and verified.`,
    `The way back: ${paint.bold(`pantler restore ${backup} --env ${environment}`)}`,
    times,
    files,
  ].join("\n");
}

/** The answer of a deployment for a program. */
export function deployedFields(result: DeployResult): Record<string, unknown> {
  const { rehearsal, backup, ...rest } = result;
  return {
    ...rest,
    backup: backup === undefined ? undefined : { id: backup, proven: true },
    rehearsal: rehearsal && rehearsalFields(rehearsal),
  };
}
