import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Target } from "../engine/index.js";
import { renderRehearsal } from "../migrations/index.js";
import type { Operation } from "../operation/index.js";
import { messageOf } from "../operation/index.js";
import { makeStateFolder, type Project, pathInProject } from "../project/index.js";
import type { DeployResult } from "./request.js";

/**
 * Writes what a deployment found and did beside its journal, for people as Markdown and for programs as JSON. What is
 * done is not undone by a report that cannot be written, which is told of.
 * @returns the result with the names of the files
 */
export async function writeReport(
  { project }: Target,
  result: DeployResult,
  operation: Operation,
): Promise<DeployResult> {
  try {
    return { ...result, report: writeFiles(project, result) };
  } catch (error) {
    const because = messageOf(error);
    operation.finding("warning", `the report could not be written: ${because}`);
    return result;
  }
}

function writeFiles(project: Project, result: DeployResult): string[] {
  const folder = join(makeStateFolder(project), "deployments");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const write = (extension: string, content: string) => {
    const file = join(folder, `${result.id}.${extension}`);
    writeFileSync(file, content, { mode: 0o600 });
    return pathInProject(project, file);
  };
  return [write("md", renderReport(result)), write("json", `${JSON.stringify(result, undefined, 2)}\n`)];
}

/** The report of a deployment as Markdown, such as a CI service shows beside its run. */
export function renderReport(result: DeployResult): string {
  const { environment, outcome, commit, backup, findings, stages, rehearsal, applied, id } = result;
  const titles = {
    applied: `Deployed to ${environment}`,
    rehearsed: `Rehearsed for ${environment}; nothing was deployed`,
    "nothing-pending": `Nothing is pending for ${environment}`,
  };
  const facts = [
    `- deployment ${id}${commit === undefined ? "" : `, commit ${commit}`}`,
    ...(backup === undefined ? [] : [`- proven backup: ${backup}`]),
    ...(applied.length === 0 ? [] : [`- applied: ${applied.map(({ version }) => version).join(", ")}`]),
    ...stages.map(({ name, milliseconds }) => `- ${name}: ${(milliseconds / 1000).toFixed(1)} s`),
  ];
  const linted = findings.map(
    ({ level, file, line, message, rule }) => `- ${level}: \`${file}:${line}\` ${message} (${rule})`,
  );
  return [
    `# ${titles[outcome]}`,
    "",
    ...facts,
    ...(linted.length === 0 ? [] : ["", "## Lint", "", ...linted]),
    ...(rehearsal === undefined ? [] : ["", renderRehearsal(rehearsal)]),
    "",
  ].join("\n");
}
