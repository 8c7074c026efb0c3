import type { KillSummary } from "./backup-kills.js";
import { type Job, Killer, runApart } from "./backups-apart.js";
import { query } from "./inspect.js";
import { contentOf, untilAlone } from "./pantry.js";
import { garden, overgrown, planted, withTwoEnvironments } from "./two-environments.js";

/** Kills syncs again and again: the target holds what it held, or what the source does. */
export async function killSyncs(trials: number, random: () => number): Promise<KillSummary> {
  const counts: Record<string, number> = {};
  const problems: string[] = [];
  await withTwoEnvironments({ both: garden, local: planted, production: overgrown }, async (environments) => {
    const { root, localUrl, productionUrl } = environments;
    const job: Job = { root, action: "sync" };
    const wanted = await contentOf(localUrl);
    const { milliseconds = 0 } = await runApart(job);
    const killer = new Killer();
    for (let trial = 0; trial < trials; trial += 1) {
      await query(productionUrl, "update public.plants set name = 'overgrown' where id % 7 = 0");
      const before = await contentOf(productionUrl);
      // What comes first is the backup, which changes nothing; one in four kills is for it.
      const after = (trial % 4 === 0 ? random() * 0.7 : 0.7 + random() * 0.4) * milliseconds;
      const outcome = await killer.kill(job, after);
      await untilAlone(productionUrl);
      const now = await contentOf(productionUrl);
      const is = now === wanted ? "new" : now === before ? "old" : "neither";
      counts[is] = (counts[is] ?? 0) + 1;
      const told = `trial ${trial}, killed after ${after.toFixed(0)} of ${milliseconds.toFixed(0)} ms`;
      if (is === "neither") problems.push(`${told}: it is something in between:\n${now}`);
      if (outcome.milliseconds !== undefined && is !== "new")
        problems.push(`${told}: it ended, and is ${is}`);
      if (outcome.stderr !== "") problems.push(`${told}: ${outcome.stderr}`);
      if (outcome.code !== undefined) problems.push(`${told}: it failed: ${outcome.message}`);
    }
    killer.end();
    await runApart(job);
    if ((await contentOf(productionUrl)) !== wanted) problems.push("the last sync did not end the work");
  });
  return { counts, problems };
}
