/** What a workflow has to know of its project. */
export interface WorkflowFacts {
  /** The project's folder in the repository, "" for its root; with / between its parts. */
  readonly folder: string;
  /** The folder of the migrations in the project's. */
  readonly migrations: string;
  /** The folder with the lock file, likewise; undefined where there is none. */
  readonly packages: string | undefined;
  /** Those that can be deployed to, with the names of their secrets. */
  readonly environments: readonly { readonly name: string; readonly variable: string }[];
  /** Secrets that every deployment may need. */
  readonly otherSecrets: readonly string[];
}

/** A text as YAML takes it, whatever is in it: its double quotes are those of JSON. */
function quoted(text: string): string {
  return JSON.stringify(text);
}

/**
 * Writes a workflow for GitHub Actions (https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax).
 * What people type reaches the shell through variables only: an expression inside of a script would be run as a part of it.
 */
export function renderWorkflow(facts: WorkflowFacts): string {
  return `${[head(facts), validateJob(facts), ...(facts.environments.length === 0 ? [] : [deployJob(facts)])].join("\n\n")}\n`;
}

function head({ environments }: WorkflowFacts): string {
  const names = environments.map(({ name }) => `          - ${quoted(name)}`).join("\n");
  const dispatch = `
  workflow_dispatch:
    inputs:
      environment:
        description: The environment to deploy to
        type: choice
        required: true
        options:
${names}
      confirmation:
        description: "APPLY MIGRATIONS and the environment's name"
        type: string
        required: true`;
  return `# Written by pantler gen workflow.
name: Database

on:
  push:
  pull_request:${environments.length === 0 ? "" : dispatch}

permissions:
  contents: read`;
}

/**
 * Applies the migrations that were there before the change. What a push came from is not known where it made a branch,
 * and is gone where it was forced: then it is where the branch left the default one.
 */
const bringUp = String.raw`if ! git cat-file -e "$BEFORE^{commit}" 2> /dev/null; then
  BEFORE=$(git merge-base HEAD "origin/$DEFAULT_BRANCH")
fi
newest=$(
  git ls-tree --name-only "$BEFORE" -- "$MIGRATIONS/" |
    while read -r file; do if [ -f "$file" ]; then basename "$file"; fi; done |
    sed -n 's/^\([0-9][0-9]*\)_.*\.sql$/\1/p' | LC_ALL=C sort | tail -n 1
)
if [ -n "$newest" ]; then npx pantler migration up --to "$newest"; fi`
  .split("\n")
  .map((line) => `          ${line}`)
  .join("\n");

function validateJob(facts: WorkflowFacts): string {
  return `jobs:
  validate:
    if: github.event_name != 'workflow_dispatch'
    runs-on: ubuntu-latest
    timeout-minutes: 30
    concurrency:
      group: database-validate-\${{ github.ref }}
      cancel-in-progress: false
${defaults(facts)}    steps:
${preparation(facts, "\n          fetch-depth: 0")}
      - name: Lint the migrations
        run: npx pantler migration lint --format github
      - name: Bring up the database as it was before
        env:
          BEFORE: \${{ github.event.pull_request.base.sha || github.event.before }}
          DEFAULT_BRANCH: \${{ github.event.repository.default_branch }}
          MIGRATIONS: ${quoted(facts.migrations)}
        run: |
${bringUp}
      - name: Rehearse what is new, and its rollback
        run: |
          mkdir -p .pantler
          npx pantler migration rehearse --env local --json | tee .pantler/rehearsal.jsonl
      - name: Apply what is new, and seed
        run: |
          npx pantler migration up
          npx pantler start
      - name: Run the checks
        run: npx pantler migration check
${afterwards(facts, quoted("database-validate"))}`;
}

function deployJob(facts: WorkflowFacts): string {
  // Only the address of the environment that was chosen is handed to the job.
  const addresses = facts.environments.map(
    ({ name, variable }) =>
      `          ${variable}: \${{ inputs.environment == '${name}' && secrets.${variable} || '' }}`,
  );
  const others = facts.otherSecrets.map((name) => `          ${name}: \${{ secrets.${name} }}`);
  return `  deploy:
    if: github.event_name == 'workflow_dispatch'
    runs-on: ubuntu-latest
    timeout-minutes: 360
    environment: \${{ inputs.environment }}
    concurrency:
      group: database-deploy-\${{ inputs.environment }}
      cancel-in-progress: false
${defaults(facts)}    steps:
${preparation(facts)}
      - name: Deploy
        env:
          TARGET: \${{ inputs.environment }}
          CONFIRMATION: \${{ inputs.confirmation }}
${[...addresses, ...others].join("\n")}
        run: npx pantler deploy "$TARGET" --confirm "$CONFIRMATION" --json
${afterwards(facts, `database-\${{ inputs.environment }}`)}`;
}

/** With a shell that is named, a step fails as soon as any part of a pipe does. */
function defaults({ folder }: WorkflowFacts): string {
  const place = folder === "" ? "" : `\n        working-directory: ${quoted(folder)}`;
  return `    defaults:
      run:
        shell: bash${place}
`;
}

function preparation({ packages, folder }: WorkflowFacts, checkout = ""): string {
  const lock =
    packages === undefined || packages === "" ? "package-lock.json" : `${packages}/package-lock.json`;
  const place = (packages ?? "") === folder ? "" : `\n        working-directory: ${quoted(packages || ".")}`;
  return `      - uses: actions/checkout@v5
        with:
          persist-credentials: false${checkout}
      - uses: actions/setup-node@v5
        with:
          node-version: 22
          cache: npm
          cache-dependency-path: ${quoted(lock)}
      - name: Install
        run: npm ci${place}`;
}

/** The report and the journal, however the job ended. Folders that begin with a dot are left out unless asked for. */
function afterwards({ folder }: WorkflowFacts, artifact: string): string {
  const inside = (path: string) => (folder === "" ? path : `${folder}/${path}`);
  const paths = [".pantler/journal", ".pantler/deployments", ".pantler/rehearsal.jsonl"];
  return `      - uses: actions/upload-artifact@v4
        if: always()
        with:
          name: ${artifact}
          path: |
${paths.map((path) => `            ${inside(path)}`).join("\n")}
          include-hidden-files: true
          if-no-files-found: ignore`;
}
