import { describe, expect, it } from "vitest";
import { cutCreates, cutRestoresAnew, cutRestoresOver } from "../support/backup-cuts.js";
import { backUp, restore } from "../support/backups.js";
import { failure } from "../support/failure.js";
import { trialSeed } from "../support/kill-trials.js";
import { changePantry, contentOf, fillPantry, untilAlone } from "../support/pantry.js";
import { withProject } from "../support/project.js";
import { withProxy } from "../support/proxy.js";

describe("a connection that is cut at random byte positions, in either direction", () => {
  it.each([
    ["while a backup is made leaves it unlisted, and nothing of it", cutCreates, 6],
    ["while a database is restored over leaves all of it, or nothing, and says which", cutRestoresOver, 8],
    ["while an empty database is restored into leaves it empty, or says that it is not", cutRestoresAnew, 3],
  ])(
    "%s",
    async (_, cut, trials) => {
      const { seed, random } = trialSeed();
      const { problems, counts } = await cut(trials, random);
      expect(problems, `TRIAL_SEED=${seed}: ${JSON.stringify(counts)}`).toEqual([]);
    },
    120_000,
  );
});

describe("a connection that is cut while the server is to keep a restore", () => {
  it("leaves what was kept restored, and the rest as it was, and says the truth of both", async () => {
    await withProject({}, async (project) => {
      await fillPantry(project.url);
      const restored = await contentOf(project.url);
      const backup = await backUp(project);
      await changePantry(project.url);
      const changed = await contentOf(project.url);
      await withProxy(project.url, async (proxy) => {
        proxy.cutAt("commit\0", false);
        const error = await failure(restore(project, backup, {}, proxy.url));
        expect(error).toMatchObject({ code: "connection-lost", state: "What was not committed is undone." });
        await untilAlone(project.url);
        expect(await contentOf(project.url)).toBe(changed);
        proxy.cutAt("commit\0", true);
        expect(await restore(project, backup, {}, proxy.url)).toMatchObject({ backup: backup.id });
        expect(await contentOf(project.url)).toBe(restored);
      });
    });
  });

  it("says that it does not know when nobody can be asked any more", async () => {
    await withProject({}, async (project) => {
      await fillPantry(project.url);
      const backup = await backUp(project);
      await withProxy(project.url, async (proxy) => {
        proxy.cutAt("commit\0", true, true);
        const error = await failure(restore(project, backup, {}, proxy.url));
        expect(error).toMatchObject({ code: "commit-unknown", exit: 6 });
        expect(error.state).toContain("Either all of it is kept or nothing");
      });
    });
  });
});
