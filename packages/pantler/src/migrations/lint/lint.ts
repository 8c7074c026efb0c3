import { counted, type Operation } from "../../operation/index.js";
import { type Client, loadParser } from "../../postgres/index.js";
import { listMigrationFiles, type Project, pathInProject } from "../../project/index.js";
import { readLedger } from "../ledger.js";
import { breachRules } from "./breach-rules.js";
import { Catalog, Relation } from "./catalog.js";
import { findingOf, newMemory, type PlacedFinding, type Report, type RuleContext } from "./context.js";
import { applyEffects } from "./effects.js";
import { exposureRules, judgeExposure } from "./exposure-rules.js";
import type { LintFinding, LintRequest } from "./finding.js";
import { LiveData } from "./live-data.js";
import { readLiveCatalog } from "./live-schema.js";
import { judgeSquawk, type Locking, lockingOf, lockRules, squawkMissing } from "./lock-rules.js";
import { lossRules } from "./loss-rules.js";
import { policyRules } from "./policy-rules.js";
import { type LintFile, readLintFile } from "./read-file.js";
import { judgeRollback } from "./rollback-rules.js";
import { askRules, type RuleSet } from "./rule-set.js";
import { enumRules, judgeShapes } from "./shape-rules.js";
import { askSquawk } from "./squawk.js";
import { readSuppressions } from "./suppressions.js";

const rules: readonly RuleSet[] = [policyRules, exposureRules, enumRules, lossRules, breachRules, lockRules];

/**
 * Judges migrations before they run. Nothing is changed, in the project or in the environment.
 *
 * Without a connection only the text of the files is known, read in order: what they make is new, whatever else they speak
 * of was there before. With one, the environment's tables, rows and rights decide about what is not applied yet; files
 * that are applied are judged by their text.
 * @param client an open connection to the environment, outside of any transaction; undefined for text alone
 * @returns findings in the order of files and lines, without those that a comment suppresses
 * @throws InputError when the folders are wrong; a file that cannot be read is a finding
 */
export async function lintMigrations(
  project: Project,
  client: Client | undefined,
  request: LintRequest,
  operation: Operation,
): Promise<LintFinding[]> {
  await loadParser();
  const { versions } = request;
  const isWanted = (version: string) => versions === undefined || versions.has(version);
  return await operation.step("lint migrations", async (step) => {
    const findings =
      client === undefined
        ? await lintText(project, isWanted, undefined)
        : await lintLive(project, client, isWanted);
    step.note(summary(findings));
    return findings;
  });
}

function summary(findings: readonly LintFinding[]): string {
  if (findings.length === 0) return "nothing found";
  const count = (level: string, noun: string) =>
    counted(findings.filter((finding) => finding.level === level).length, noun);
  return `${count("error", "error")}, ${count("warning", "warning")}, ${count("info", "note")}`;
}

async function lintLive(
  project: Project,
  client: Client,
  isWanted: (version: string) => boolean,
): Promise<LintFinding[]> {
  // Before the transaction begins: a ledger that is not there would end it.
  const applied = new Set((await readLedger(client)).map(({ version }) => version));
  const data = await LiveData.begin(client);
  try {
    const major = await data.serverMajor();
    const past = await lintText(project, (version) => applied.has(version) && isWanted(version), major);
    const catalog = await readLiveCatalog(client);
    const isPending = (version: string) => !applied.has(version) && isWanted(version);
    const files = readFiles(project, isPending, isPending, major);
    const pending = await judge(project, catalog, files, data, major);
    // Applied versions are mostly older, but need not be.
    const place = new Map(
      listMigrationFiles(project).migrations.map(({ file }, at) => [pathInProject(project, file), at]),
    );
    const placeOf = ({ file }: LintFinding) => place.get(file) ?? -1;
    return [...past, ...pending].sort((left, right) => placeOf(left) - placeOf(right));
  } finally {
    await client.query("rollback").catch(() => {});
  }
}

async function lintText(
  project: Project,
  isLinted: (version: string) => boolean,
  major: number | undefined,
): Promise<LintFinding[]> {
  const all = readFiles(project, () => true, isLinted, major);
  // What comes after the last one is no part of what these make.
  const files = all.slice(0, all.findLastIndex(({ linted }) => linted) + 1);
  return await judge(project, bareCatalog(), files, undefined, major);
}

/** What every Supabase project has before its first file, as far as a rule asks. */
function bareCatalog(): Catalog {
  const catalog = new Catalog();
  const users = new Relation({ schema: "auth", name: "users", kind: "table" });
  users.complete = false;
  users.rowSecurity = true;
  catalog.add(users);
  return catalog;
}

function readFiles(
  project: Project,
  isRead: (version: string) => boolean,
  isLinted: (version: string) => boolean,
  major: number | undefined,
): LintFile[] {
  return listMigrationFiles(project)
    .migrations.filter(({ version }) => isRead(version))
    .map((migration) => readLintFile(project, migration, migration.file, isLinted(migration.version), major));
}

async function judge(
  project: Project,
  catalog: Catalog,
  files: readonly LintFile[],
  data: LiveData | undefined,
  major: number | undefined,
): Promise<LintFinding[]> {
  const squawk = askSquawk(
    project,
    files.filter(({ linted }) => linted),
  );
  const placed: PlacedFinding[] = [];
  const lockings: Locking[] = [];
  const memory = newMemory();
  const postponed: (() => void)[] = [];
  const contextOf = (file: LintFile, statement: LintFile["statements"][number]): RuleContext => {
    const context: RuleContext = {
      catalog,
      file,
      statement,
      data,
      memory,
      exposesNewTables: project.exposesNewTables,
      report: (report: Report) => placed.push(findingOf(report, context)),
      later: (work) => postponed.push(work),
    };
    return context;
  };
  for (const file of files) {
    catalog.schema = "public";
    for (const statement of file.statements) {
      const context = contextOf(file, statement);
      if (file.linted) {
        lockings.push(lockingOf(context));
        await askRules(rules, context);
      }
      applyEffects(context);
    }
  }
  for (const work of postponed) work();
  const { violations, missing } = await squawk;
  placed.push(...(await judgeSquawk(violations, lockings)));
  const [first] = lockings;
  if (missing !== undefined && first) placed.push(squawkMissing(first.context, missing));
  for (const report of [...judgeExposure(catalog, memory), ...judgeShapes(catalog)]) {
    if (report.at) placed.push(findingOf(report, contextOf(report.at.file, report.at.statement)));
  }
  return finish(project, files, placed, major);
}

const gravity = { error: 0, warning: 1, info: 2 } as const;

function finish(
  project: Project,
  files: readonly LintFile[],
  placed: readonly PlacedFinding[],
  major: number | undefined,
): LintFinding[] {
  return files
    .filter(({ linted }) => linted)
    .flatMap((file) => {
      const suppressions = readSuppressions(file);
      const whole = [...file.problems, ...judgeRollback(project, file.migration, file, major)];
      const own = [
        ...placed.filter((finding) => finding.file === file.shown),
        ...whole.map((finding): PlacedFinding => ({ ...finding, statementLines: undefined })),
      ].filter((finding) => !suppressions.covers(finding));
      const plain = own.map(({ statementLines: _, ...finding }) => finding);
      return [...plain, ...suppressions.problems].sort(
        (left, right) =>
          Number(left.file !== file.shown) - Number(right.file !== file.shown) ||
          left.line - right.line ||
          gravity[left.level] - gravity[right.level],
      );
    });
}
