import type { ListedEnvironment } from "../index.js";
import { type Cell, inColumns } from "./columns.js";
import type { Paint } from "./output.js";
import { age } from "./quantities.js";

/** An environment as a JSON result says it. */
export function environmentFields(environment: ListedEnvironment): Record<string, unknown> {
  const { url, problem, version, applied, pending, deployment, backup, ...known } = environment;
  return {
    ...known,
    url: url ?? null,
    reachable: version !== undefined,
    problem: problem ? { code: problem.code, message: problem.message } : null,
    version: version ?? null,
    applied: applied ?? null,
    pending: pending ?? null,
    deployment: deployment ?? null,
    backup: backup ?? null,
  };
}

/** A line for each environment, and below it why it cannot be reached. */
export function renderEnvironments(
  environments: readonly ListedEnvironment[],
  now: Date,
  paint: Paint,
): string {
  const heading = ["environment", "", "server", "migrations", "last deployment", "proven backup"].map(
    (text): Cell => ({ text, paint: paint.dim }),
  );
  const lines = inColumns([heading, ...environments.map((each) => cellsOf(each, now, paint))]);
  return lines
    .flatMap((line, place) => {
      const { problem } = environments[place - 1] ?? {};
      return problem ? [line, `  ${paint.warning(problem.message)}`] : [line];
    })
    .join("\n");
}

function cellsOf(environment: ListedEnvironment, now: Date, paint: Paint): Cell[] {
  const { name, version, applied, pending = 0, deployment, backup } = environment;
  return [
    { text: name, paint: paint.bold },
    { text: environment.protected ? "protected" : "" },
    { text: describeServer(environment), paint: version === undefined ? paint.warning : undefined },
    {
      text: applied === undefined ? "-" : `${applied} applied${pending > 0 ? `, ${pending} pending` : ""}`,
      paint: pending > 0 ? paint.warning : undefined,
    },
    { text: deployment ? `${age(deployment.at, now)}, ${deployment.outcome}` : "-" },
    { text: backup ? `${age(backup.at, now)}, ${backup.id}` : "none" },
  ];
}

function describeServer({ name, url, version, problem }: ListedEnvironment): string {
  if (version !== undefined) return `PostgreSQL ${version}`;
  if (problem) return "cannot be reached";
  if (url) return "";
  return name === "local" ? "does not run" : "has no address";
}
