import { type Command, Option } from "commander";
import { act, defineCommand, type Ending } from "../command.js";
import type { Paint } from "../output.js";

const formats = ["text", "json", "sarif", "github"] as const;
type Format = (typeof formats)[number];

export function lintCommand(ending: Ending): Command {
  const command = defineCommand(
    "lint",
    "Judge migrations before they run: what would break, expose or lose data, or lock a table for long.",
    "pantler migration lint --env production",
    "Without --env the text of all files is judged and no database is needed. With it, what is pending there is\njudged by its tables and rows. Ends with 1 when a finding is an error.",
  ).addOption(new Option("--format <format>", "how to show the findings").choices(formats).default("text"));
  return act<{ format: Format }>(
    command,
    ending,
    async ({ options, project, output, paint, target, operate }) => {
      const { lintMigrations, lintPending } = await import("../../migrations/index.js");
      const live = command.getOptionValueSource("env") === "default" ? undefined : await target();
      const findings = await operate(undefined, (operation) =>
        live ? lintPending(live, operation) : lintMigrations(project, undefined, {}, operation),
      );
      const text = await render(options.format, findings, project.root, paint);
      output.result({ findings }, () => text);
      return findings.some(({ level }) => level === "error") ? 1 : 0;
    },
  );
}

async function render(
  format: Format,
  findings: Parameters<typeof import("../render-lint.js").renderFindings>[0],
  root: string,
  paint: Paint,
): Promise<string> {
  const { renderFindings, renderGitHub, renderSarif } = await import("../render-lint.js");
  switch (format) {
    case "text":
      return renderFindings(findings, paint);
    case "json":
      return JSON.stringify(findings, undefined, 2);
    case "sarif":
      return await renderSarif(findings, root);
    case "github":
      return renderGitHub(findings, root);
  }
}
