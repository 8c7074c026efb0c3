import { type DeployResult, PantlerError } from "../../src/index.js";
import { knownSchemas } from "./deploy-kills.js";
import {
  type DeployPlan,
  type KnownSchemas,
  problemsAtTheEnd,
  problemsOf,
  type Standing,
  standingOf,
} from "./deploy-standing.js";
import { type Production, withProduction } from "./production.js";
import { type Proxy as CuttingProxy, withProxy } from "./proxy.js";

/** What cutting connections came to: how each deployment ended, by the part it was cut in, and what should not have been. */
export interface DeployCutSummary {
  readonly counts: Readonly<Record<string, number>>;
  readonly problems: readonly string[];
}

/** The parts of a deployment in which something is said to its environment, and the step that each begins with. */
const parts = [
  ["validate", ""],
  ["back up", "open the store"],
  ["begin", "read the rows as they become"],
  ["apply", "apply: "],
  ["verify", "verify: "],
] as const;

type Part = (typeof parts)[number][0];

/** How many bytes went in each direction until a part began, and until it ended. */
interface Span {
  readonly part: Part;
  readonly received: readonly [from: number, to: number];
  readonly sent: readonly [from: number, to: number];
}

/** So many deployments of one environment may be cut before one may end. */
const cutsInARow = 4;

/**
 * Cuts the connections of deployments, in each of their parts in turn, at random places in either direction. What is said
 * of the environment has to be true, and it has to be as before or deployed; the next one mends what there is to mend.
 * @param random gives a number from 0 to 1
 */
export async function cutDeployments(
  plan: DeployPlan,
  trials: number,
  random: () => number,
): Promise<DeployCutSummary> {
  const known = await knownSchemas(plan);
  const spans = await measure(plan);
  const counts: Record<string, number> = {};
  const problems: string[] = [];
  let trial = 0;
  while (trial < trials) {
    await withThrough(plan, async (production, through, proxy) => {
      let standing: Standing | undefined;
      for (let row = 0; row < cutsInARow && trial < trials && !isWhole(standing, plan); row += 1) {
        const { part, place, outcome } = await cutOnce(
          through,
          proxy,
          spans[trial % (spans.length + 1)],
          random,
        );
        standing = await standingOf(production);
        const name = `${part}: ${outcome instanceof PantlerError ? `${outcome.code}, exit ${outcome.exit}` : outcome.outcome}`;
        counts[name] = (counts[name] ?? 0) + 1;
        const where = `trial ${trial}, cut ${place} (${part})`;
        const found = [...problemsOf(standing, known, plan), ...liesOf(outcome, standing, plan)];
        problems.push(...found.map((problem) => `${where}: ${problem}`));
        trial += 1;
      }
      problems.push(
        ...(await mend(production, plan, known)).map((found) => `after trial ${trial - 1}: ${found}`),
      );
    });
  }
  return { counts, problems };
}

/**
 * Deploys while a connection is cut.
 * @param span where; at the first commit of the migrations without it
 */
async function cutOnce(
  through: Production,
  proxy: CuttingProxy,
  span: Span | undefined,
  random: () => number,
): Promise<{ readonly part: string; readonly place: string; readonly outcome: DeployResult | PantlerError }> {
  if (!span) {
    const after = random() < 0.5;
    const deployed = through.deploy({
      confirm: async ({ phrase }) => {
        proxy.cutAt("commit\0", after);
        return phrase;
      },
    });
    const place = after ? "after the server had it" : "before the server had it";
    return { part: "commit", place, outcome: await outcomeOf(deployed) };
  }
  const isSent = random() < 0.5;
  const [from, to] = isSent ? span.sent : span.received;
  const at = from + 1 + Math.floor(random() * (to - from));
  if (isSent) proxy.cutAfterSent(at);
  else proxy.cutAfter(at);
  const outcome = await outcomeOf(through.deploy());
  proxy.cutAfter(Number.POSITIVE_INFINITY);
  proxy.cutAfterSent(Number.POSITIVE_INFINITY);
  const place = `after ${at} bytes ${isSent ? "to" : "from"} the server`;
  return { part: span.part, place, outcome };
}

/** Lets a deployment end that nothing disturbs, and tells what is wrong after it. */
async function mend(production: Production, plan: DeployPlan, known: KnownSchemas): Promise<string[]> {
  const outcome = await outcomeOf(production.deploy());
  const failed = outcome instanceof PantlerError ? [`the next one failed: ${outcome.message}`] : [];
  const [proof] = await production.sql(plan.proof);
  const rows = proof?.it === true ? [] : ["the rows are not as they have to be"];
  return [...failed, ...problemsAtTheEnd(await standingOf(production), known, plan), ...rows];
}

/** What is not true of that which a deployment says when it ends. */
function liesOf(outcome: DeployResult | PantlerError, standing: Standing, plan: DeployPlan): string[] {
  const whole = isWhole(standing, plan);
  if (!(outcome instanceof PantlerError)) {
    return whole ? [] : [`it said ${outcome.outcome}, and ${standing.ledger.join() || "nothing"} is applied`];
  }
  const said = `${outcome.code}, exit ${outcome.exit}: ${outcome.state}`;
  const isAsBefore = standing.ledger.length === 0 && standing.halfDone === undefined;
  if (outcome.exit === 6) return isAsBefore ? [`all is as it was, and it said ${said}`] : [];
  return isAsBefore ? [] : [`${standing.ledger.join()} is applied, and it said ${said}`];
}

async function outcomeOf(work: Promise<DeployResult>): Promise<DeployResult | PantlerError> {
  return await work.catch((error: unknown) => {
    if (error instanceof PantlerError) return error;
    throw error;
  });
}

function isWhole(standing: Standing | undefined, plan: DeployPlan): boolean {
  return standing?.ledger.length === plan.batches.flat().length;
}

/** Measures a deployment that nothing disturbs. */
async function measure(plan: DeployPlan): Promise<Span[]> {
  const spans: Span[] = [];
  await withThrough(plan, async (_, through, proxy) => {
    const begun: { received: number; sent: number }[] = [];
    const look = () => begun.push({ received: proxy.received(), sent: proxy.sent() });
    look();
    const { push } = through.events;
    through.events.push = (event) => {
      const [, title] = parts[begun.length] ?? [];
      if (title !== undefined && "title" in event && event.title.startsWith(title)) look();
      return push.call(through.events, event);
    };
    await through.deploy();
    look();
    for (const [index, [part]] of parts.entries()) {
      const from = begun[index];
      const to = begun[index + 1];
      if (!from || !to) throw new Error(`a deployment has no part ${part}`);
      spans.push({ part, received: [from.received, to.received], sent: [from.sent, to.sent] });
    }
  });
  return spans;
}

async function withThrough(
  plan: DeployPlan,
  test: (production: Production, through: Production, proxy: CuttingProxy) => Promise<void>,
): Promise<void> {
  await withProduction(plan.scripts, async (production) => {
    await withProxy(production.url, async (proxy) => {
      production.write(".env.production", `DATABASE_URL=${proxy.url}\n`);
      const through = await production.reopen();
      await test(production, through, proxy);
    });
  });
}
