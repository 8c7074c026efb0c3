import { type Command, Option } from "commander";
import type { AccessLint, Operation, Project } from "../../index.js";
import { act, type CommandContext, defineCommand, type Ending } from "../command.js";
import type { Paint } from "../output.js";

const formats = ["text", "json", "sarif", "github"] as const;
type Format = (typeof formats)[number];

interface Options {
  readonly format: Format;
  readonly fix?: boolean;
  readonly name: string;
}

export function accessLintCommand(ending: Ending): Command {
  const command = defineCommand(
    "lint",
    "Judge who can see and change what in a live database: what is exposed, what policies let through and what they cost.",
    "pantler access lint --env production",
    "Only the catalog is read. Ends with 1 when a finding is an error.",
  )
    .addOption(new Option("--format <format>", "how to show the findings").choices(formats).default("text"))
    .option(
      "--fix",
      "write a migration for what can be rewritten; that it changes nobody's access is proven on a copy",
    )
    .option("--name <name>", "what to call that migration", "access_fixes");
  return act<Options>(command, ending, async (context) => {
    const { options, project, output, paint, target, operate } = context;
    const isLocal = options.env === "local";
    if (options.fix) return await fix(context);
    const { lintAccess } = await import("../../access/index.js");
    const lint = await operate(undefined, async (operation, interrupt) => {
      if (isLocal) await bringUp(project, operation, interrupt());
      const { url } = await target();
      return await lintAccess(url, project, operation);
    });
    const text = await render(options.format, lint, paint);
    output.result({ findings: lint.findings, accepted: lint.accepted }, () => text);
    return codeOf(lint);
  });
}

/** Judges, and writes down what mends a part of what is found. */
async function fix({
  options,
  project,
  output,
  paint,
  target,
  operate,
}: CommandContext<Options>): Promise<number> {
  const { fixAccess } = await import("../../access/index.js");
  const { keysFromEnvironment, requireDrillKeys } = await import("../backup-keys.js");
  const { renderAccessFixes } = await import("../render-access-lint.js");
  const keys = keysFromEnvironment();
  const fixes = await operate("access lint", async (operation, interrupt) => {
    const signal = interrupt();
    if (options.env === "local") await bringUp(project, operation, signal);
    const environment = await target();
    requireDrillKeys(environment.environment, "Restoring the copy");
    return await fixAccess(environment, { name: options.name, now: new Date(), keys }, operation, signal);
  });
  const { findings, accepted, migration, fixed, unproven } = fixes;
  const text = `${await render(options.format, fixes, paint)}`;
  output.result(
    { findings, accepted, fixed, unproven, version: migration?.version, files: migration?.files ?? [] },
    () => (options.format === "text" ? `${text}\n\n${renderAccessFixes(fixes, options.env)}` : text),
  );
  return codeOf(fixes);
}

function codeOf({ findings }: AccessLint): number {
  return findings.some(({ level }) => level === "error") ? 1 : 0;
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
