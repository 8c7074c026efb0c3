import { type Command, Option } from "commander";
import type { AccessLint, Operation, Project } from "../../index.js";
import { act, defineCommand, type Ending } from "../command.js";
import type { Paint } from "../output.js";

const formats = ["text", "json", "sarif", "github"] as const;
type Format = (typeof formats)[number];

export function accessLintCommand(ending: Ending): Command {
  const command = defineCommand(
    "lint",
    "Judge who can see and change what in a live database: what is exposed, what policies let through and what they cost.",
    "pantler access lint --env production",
    "Only the catalog is read. Ends with 1 when a finding is an error.",
  ).addOption(new Option("--format <format>", "how to show the findings").choices(formats).default("text"));
  return act<{ format: Format }>(command, ending, async (context) => {
    const { lintAccess } = await import("../../access/index.js");
    const { options, project, output, paint, target, operate } = context;
    const lint = await operate(undefined, async (operation, interrupt) => {
      if (options.env === "local") await bringUp(project, operation, interrupt());
      const { url } = await target();
      return await lintAccess(url, project, operation);
    });
    const text = await render(options.format, lint, paint);
    output.result({ findings: lint.findings, accepted: lint.accepted }, () => text);
    return lint.findings.some(({ level }) => level === "error") ? 1 : 0;
  });
}

/** A local database that was never started has nothing to be judged. */
async function bringUp(project: Project, operation: Operation, signal: AbortSignal): Promise<void> {
  const { startLocal } = await import("../../environments/index.js");
  await startLocal(project, operation, signal);
}

async function render(format: Format, lint: AccessLint, paint: Paint): Promise<string> {
  const { renderAccessFindings, renderAccessGitHub, renderAccessSarif } = await import(
    "../render-access-lint.js"
  );
  switch (format) {
    case "text":
      return renderAccessFindings(lint, paint);
    case "json":
      return JSON.stringify(lint.findings, undefined, 2);
    case "sarif":
      return await renderAccessSarif(lint);
    case "github":
      return renderAccessGitHub(lint);
  }
}
