import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { LintFinding, LintRule } from "../index.js";
import { printable } from "./columns.js";
import type { Paint } from "./output.js";

export const marks = { error: "bad", warning: "warning", info: "dim" } as const;

/** The findings as a person reads them: file by file, with what to do below each. */
export function renderFindings(findings: readonly LintFinding[], paint: Paint): string {
  const lines: string[] = [];
  let file: string | undefined;
  const width = Math.max(...findings.map(({ line }) => String(line).length), 0);
  for (const finding of findings) {
    if (finding.file !== file) {
      if (file !== undefined) lines.push("");
      file = finding.file;
      lines.push(paint.bold(printable(file)));
    }
    const { line, level, rule, message, remedy } = finding;
    const gap = " ".repeat(width + 4);
    lines.push(`  ${String(line).padStart(width)}  ${paint[marks[level]](level)} ${paint.dim(rule)}`);
    lines.push(`${gap}${printable(message)}`, `${gap}${paint.dim("→")} ${printable(remedy)}`);
  }
  if (lines.length > 0) lines.push("");
  return [...lines, total(findings)].join("\n");
}

/** How many findings there are of each level. */
export function total(findings: readonly Pick<LintFinding, "level">[]): string {
  if (findings.length === 0) return "Nothing was found.";
  const words = (["error", "warning", "info"] as const).flatMap((level) => {
    const count = findings.filter((finding) => finding.level === level).length;
    const name = level === "info" ? "note" : level;
    return count === 0 ? [] : [`${count} ${name}${count === 1 ? "" : "s"}`];
  });
  return words.join(", ");
}

/** The commands by which a GitHub workflow shows notes, by the level of a finding. */
export const gitHubCommands = { error: "error", warning: "warning", info: "notice" } as const;

/** Commands by which a GitHub workflow puts findings beside the lines of a change. */
export function renderGitHub(findings: readonly LintFinding[], root: string): string {
  return findings
    .map(({ level, file, line, rule, message, remedy }) => {
      const properties = `file=${inProperty(fromHere(root, file))},line=${line},title=${inProperty(rule)}`;
      return `::${gitHubCommands[level]} ${properties}::${inMessage(`${message} ${remedy}`)}`;
    })
    .join("\n");
}

/** The escapes of GitHub's own toolkit (actions/toolkit, packages/core/src/command.ts). */
export function inMessage(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

export function inProperty(text: string): string {
  return inMessage(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}

/** The findings as SARIF 2.1.0, which code hosts and editors show. */
export async function renderSarif(findings: readonly LintFinding[], root: string): Promise<string> {
  const { lintRules } = await import("../index.js");
  const rules = Object.entries(lintRules).map(([id, rule]) => ({ ...rule, id, tags: [rule.source] }));
  const results = findings.map((finding) => ({
    ...finding,
    location: {
      physicalLocation: {
        artifactLocation: { uri: uriOf(fromHere(root, finding.file)) },
        region: { startLine: finding.line },
      },
    },
  }));
  return sarifDocument(rules, results);
}

/** A rule, and a finding with its place, as SARIF wants them. */
interface SarifRule extends Pick<LintRule, "level" | "what" | "why" | "remedy"> {
  readonly id: string;
  readonly tags: readonly string[];
}
interface SarifResult extends Pick<LintFinding, "rule" | "level" | "message" | "remedy"> {
  readonly location: object;
}

/** A document of SARIF 2.1.0 (https://docs.oasis-open.org/sarif/sarif/v2.1.0/). */
export function sarifDocument(known: readonly SarifRule[], findings: readonly SarifResult[]): string {
  const level = { error: "error", warning: "warning", info: "note" } as const;
  const names = known.map(({ id }) => id);
  const rules = known.map(({ id, tags, ...rule }) => ({
    id,
    shortDescription: { text: rule.what },
    fullDescription: { text: rule.why },
    help: { text: rule.remedy },
    defaultConfiguration: { level: level[rule.level] },
    properties: { tags },
  }));
  const results = findings.map((finding) => ({
    ruleId: finding.rule,
    ruleIndex: names.indexOf(finding.rule),
    level: level[finding.level],
    message: { text: `${finding.message} ${finding.remedy}` },
    locations: [finding.location],
  }));
  const driver = { name: "pantler", semanticVersion: version(), rules };
  const document = {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [{ tool: { driver }, columnKind: "utf16CodeUnits", results }],
  };
  return JSON.stringify(document, undefined, 2);
}

/**
 * A file's path as a code host knows it, which runs its checks in the repository's own folder: a project may be a folder
 * of that.
 */
function fromHere(root: string, file: string): string {
  return relative(process.cwd(), join(root, file)).replaceAll("\\", "/");
}

function uriOf(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
}

function version(): string {
  const file = new URL("../../package.json", import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
