import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { RefusedError } from "../../operation/index.js";
import { type Project, urlVariable } from "../../project/index.js";
import { renderWorkflow, type WorkflowFacts } from "./render-workflow.js";

/** A project's workflow for GitHub Actions. */
export interface Workflow {
  /** Where it belongs: GitHub reads workflows from the repository's root only. */
  readonly file: string;
  readonly text: string;
  /** The names of the secrets it reads. */
  readonly secrets: readonly string[];
  /** What will not work as it stands, in sentences. */
  readonly warnings: readonly string[];
}

/** Makes the text of a project's workflow; nothing is written. */
export function makeWorkflow(project: Project): Workflow {
  const repository = nearestWith(".git", project.root) ?? project.root;
  const facts: WorkflowFacts = {
    folder: posix(relative(repository, project.root)),
    migrations: posix(relative(project.root, project.folders.migrations)),
    packages: packagesOf(project, repository),
    environments: project.environments
      .filter((environment) => environment.protected && environment.name !== "local")
      .map(({ name }) => ({ name, variable: urlVariable(name) })),
    otherSecrets: otherSecrets(project),
  };
  const { environments } = facts;
  const secrets =
    environments.length === 0 ? [] : [...environments.map(({ variable }) => variable), ...facts.otherSecrets];
  return {
    file: join(repository, ".github", "workflows", "database.yml"),
    text: renderWorkflow(facts),
    secrets,
    warnings: warningsFor(project, facts),
  };
}

/**
 * Writes a project's workflow.
 * @returns whether it was written; it was not when it is there already, word for word
 * @throws RefusedError `workflow-differs` when the file holds something else
 */
export function writeWorkflow({ file, text }: Workflow): boolean {
  if (!existsSync(file)) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text, { flag: "wx" });
    return true;
  }
  if (readFileSync(file, "utf8") === text) return false;
  throw new RefusedError({
    code: "workflow-differs",
    message: `${file} is there already and says something else.`,
    state: "Nothing was written.",
    remedy: "Compare the two: pantler gen workflow --stdout. To have it written anew, remove the file first.",
  });
}

function nearestWith(name: string, from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, name))) return folder;
    if (dirname(folder) === folder) return undefined;
  }
}

/** The folder whose lock file says what is installed; undefined where there is none in the repository. */
function packagesOf({ root }: Project, repository: string): string | undefined {
  const folder = nearestWith("package-lock.json", root);
  if (folder === undefined) return undefined;
  const inside = relative(repository, folder);
  return inside.startsWith("..") ? undefined : posix(inside);
}

function posix(path: string): string {
  return path.split(sep).join("/");
}

/** Keys of backups, and of the store where that is not a folder. */
function otherSecrets({ environments }: Project): string[] {
  const stores = environments.map(({ backups }) => backups.store.kind);
  return [
    "PANTLER_BACKUP_IDENTITY",
    "PANTLER_BACKUP_PASSPHRASE",
    ...(stores.includes("s3") ? ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] : []),
  ];
}

function warningsFor({ environments }: Project, facts: WorkflowFacts): string[] {
  if (facts.environments.length === 0) {
    return ["No environment is protected, so that the workflow deploys to none: name them in the config."];
  }
  const lost = environments.filter(
    ({ name, backups }) =>
      backups.store.kind === "folder" && facts.environments.some((each) => each.name === name),
  );
  return [
    ...(lost.length === 0
      ? []
      : [
          `Backups of ${lost.map(({ name }) => name).join(", ")} are kept in a folder, which is gone with the machine that the workflow runs on: set backups.store to a bucket.`,
        ]),
    ...(facts.packages === undefined
      ? [
          "There is no package-lock.json in the repository: the workflow cannot install what is not written down.",
        ]
      : []),
  ];
}
