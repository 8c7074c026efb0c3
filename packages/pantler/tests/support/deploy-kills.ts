import { Operation } from "../../src/index.js";
import { applyMigrations } from "../../src/migrations/index.js";
import { type CliRun, pantler } from "./cli.js";
import {
  type DeployPlan,
  type KnownSchemas,
  newestJournal,
  outcomesToCome,
  problemsAtTheEnd,
  problemsOf,
  type Standing,
  standingOf,
} from "./deploy-standing.js";
import { type Production, withProduction } from "./production.js";

/** What many kills came to: where they hit, how the environment stood then, and what should not have been. */
export interface KillSummary {
  readonly hits: Readonly<Record<string, number>>;
  readonly standings: Readonly<Record<string, number>>;
  readonly problems: readonly string[];
}

/** So many deployments of one environment are killed before one may end. */
const killsInARow = 4;

/**
 * Kills deployments with SIGKILL, most of them where the environment is changed, and looks each time whether it is as
 * before or as a whole part of the plan leaves it. Those that follow settle what they find, and are killed as well, until
 * one may end.
 * @param random gives a number from 0 to 1
 */
export async function killDeployments(
  plan: DeployPlan,
  trials: number,
  random: () => number,
): Promise<KillSummary> {
  const known = await knownSchemas(plan);
  const aims = await aimsOf(plan);
  const hits: Record<string, number> = {};
  const standings: Record<string, number> = {};
  const problems: string[] = [];
  let trial = 0;
  while (trial < trials) {
    await withProduction(plan.scripts, async (production) => {
      const outcomes = new Map<string, string>();
      let standing: Standing | undefined;
      const isWhole = ({ ledger }: Standing) => ledger.length === plan.batches.flat().length;
      for (let row = 0; row < killsInARow && trial < trials; row += 1, trial += 1) {
        const isHalf = standing?.halfDone !== undefined && random() < 0.5;
        const aim = isHalf ? undoing : (aims[Math.floor(random() * aims.length)] ?? fromTheStart);
        const after = random() * aim.window;
        const run = await deployApart(production, { ...aim, window: after });
        standing = await standingOf(production);
        for (const [id, outcome] of outcomesToCome(standing)) outcomes.set(id, outcome);
        count(hits, run.code === null ? partOf(run.last) : "it had ended");
        count(standings, describe(standing, plan));
        const found = [
          ...problemsOf(standing, known, plan),
          ...journalProblems(production, standing, plan),
          ...(run.code === null || run.code === 0 ? [] : [`it failed: ${JSON.stringify(run.result.error)}`]),
        ];
        const where = `trial ${trial}, killed ${after.toFixed(0)} ms after ${aim.name}, at ${run.last}`;
        problems.push(...found.map((problem) => `${where}: ${problem}`));
        if (isWhole(standing)) {
          trial += 1;
          break;
        }
      }
      const last = await deployApart(production);
      const found = last.code === 0 ? [] : [`the next one failed: ${JSON.stringify(last.result.error)}`];
      standing = await standingOf(production);
      found.push(...problemsAtTheEnd(standing, known, plan));
      for (const { id, outcome } of standing.deployments) {
        const expected = outcomes.get(id) ?? "applied";
        if (outcome !== expected) found.push(`${id} is recorded as ${outcome}, and was ${expected}`);
      }
      const [proof] = await production.sql(plan.proof);
      if (proof?.it !== true) found.push("the rows are not as they have to be");
      problems.push(...found.map((problem) => `after trial ${trial - 1}: ${problem}`));
    });
  }
  return { hits, standings, problems };
}

/** What the schema is after each whole part of a plan that nothing disturbs. */
export async function knownSchemas(plan: DeployPlan): Promise<KnownSchemas> {
  const known = new Map<string, string>();
  await withProduction(plan.scripts, async (production) => {
    known.set("", (await standingOf(production)).schema);
    for (const batch of plan.batches) {
      await applyMigrations(production.target, { to: batch.at(-1) }, new Operation());
      const { ledger, schema } = await standingOf(production);
      known.set(ledger.join(), schema);
    }
  });
  return known;
}

/** A moment in a deployment: so long after something that it tells of. */
interface Aim {
  readonly name: string;
  readonly isReached: (event: Heard) => boolean;
  /** In milliseconds. */
  readonly window: number;
}

interface Heard {
  readonly type: string;
  readonly title: string;
  /** Milliseconds since the process was started. */
  readonly at: number;
}

const fromTheStart: Aim = { name: "its start", isReached: () => true, window: 0 };

/** While what an earlier one has left half-done is taken back. */
const undoing: Aim = {
  name: "the undoing began",
  isReached: ({ title }) => title.startsWith("undo: "),
  window: 30,
};

const isApplying = ({ title }: Heard) => title.startsWith("apply: ");
const isVerifying = ({ title }: Heard) => title.startsWith("verify: ");
const isRehearsed = ({ type, title }: Heard) =>
  type === "step-ended" && title === "read the rows as they become";

/** Measures a deployment that nothing disturbs; those moments come more than once that matter more. */
async function aimsOf(plan: DeployPlan): Promise<Aim[]> {
  const lastVersion = plan.batches.flat().at(-1) ?? "";
  const isDone = ({ type, title }: Heard) =>
    type === "step-ended" && title.startsWith(`apply: apply ${lastVersion}`);
  let heard: readonly Heard[] = [];
  await withProduction(plan.scripts, async (production) => {
    const run = await deployApart(production);
    if (run.code !== 0) throw new Error(`nothing disturbed it, and it failed: ${run.stdout}`);
    heard = run.heard;
  });
  const at = (is: (event: Heard) => boolean) => heard.find(is)?.at ?? 0;
  const end = heard.at(-1)?.at ?? 0;
  const early: Aim = { name: "its start", isReached: () => true, window: at(isApplying) };
  const before: Aim = {
    name: "the rehearsal",
    isReached: isRehearsed,
    window: at(isApplying) - at(isRehearsed),
  };
  const applying: Aim = {
    name: "the first migration began",
    isReached: isApplying,
    window: at(isDone) - at(isApplying),
  };
  const ending: Aim = {
    name: "the last migration",
    isReached: isDone,
    window: at(isVerifying) - at(isDone),
  };
  const verifying: Aim = {
    name: "the verification began",
    isReached: isVerifying,
    window: end - at(isVerifying),
  };
  return [early, before, applying, applying, applying, applying, ending, ending, verifying];
}

interface ApartRun extends CliRun {
  readonly heard: readonly Heard[];
  /** What it did last. */
  readonly last: string;
}

/** Deploys in a process of its own, which is killed at a moment. */
async function deployApart({ root }: Production, aim?: Aim): Promise<ApartRun> {
  const heard: Heard[] = [];
  const words = ["deploy", "production", "--json", "--confirm", "APPLY MIGRATIONS production"];
  const run = await pantler(words, {
    cwd: root,
    onStart: (child) => {
      const started = performance.now();
      let timer: NodeJS.Timeout | undefined;
      const hear = (event: Heard) => {
        heard.push(event);
        if (!aim || timer || !aim.isReached(event)) return;
        timer = setTimeout(() => child.kill("SIGKILL"), aim.window);
      };
      let rest = "";
      hear({ type: "step-started", title: "", at: 0 });
      child.stdout?.on("data", (text: string) => {
        const lines = `${rest}${text}`.split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) {
          const { type, title } = JSON.parse(line) as { type: string; title?: string };
          if (title !== undefined) hear({ type, title, at: performance.now() - started });
        }
      });
    },
  });
  return { ...run, heard, last: heard.at(-1)?.title ?? "" };
}

/** Which part of a deployment a step belongs to. */
function partOf(title: string): string {
  if (title === "") return "start";
  const [part = ""] = title.split(": ");
  if (["validate", "drill", "apply", "verify", "undo"].includes(part)) return part;
  return /^(rehearse|read the rows|gather|record the drill|roll back)/.test(title) ? "rehearse" : "back up";
}

function describe({ ledger, halfDone }: Standing, { batches }: DeployPlan): string {
  if (halfDone !== undefined) return "half-done";
  if (ledger.length === 0) return "as before";
  return ledger.length === batches.flat().length ? "deployed" : "in part";
}

/** Holds the journal of the process that was killed against the environment. */
function journalProblems(production: Production, standing: Standing, plan: DeployPlan): string[] {
  const problems: string[] = [];
  const journal = newestJournal(production);
  const titles = journal.map(({ title }) => String(title));
  const isWhole = standing.ledger.length === plan.batches.flat().length;
  if (titles.some((title) => title.startsWith("verify: ")) && !isWhole) {
    problems.push("the journal tells of the verification, and not everything is applied");
  }
  const begun = titles.some((title) => title.startsWith("apply: "));
  if (isWhole && !begun) problems.push("everything is applied, and the journal does not tell of it");
  const hasEnded = journal.some(({ type, outcome }) => type === "ended" && outcome === "done");
  if (hasEnded && !isWhole) problems.push("the journal says that it ended");
  return problems;
}

function count(counts: Record<string, number>, what: string): void {
  counts[what] = (counts[what] ?? 0) + 1;
}
