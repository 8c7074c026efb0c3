import { readdirSync, rmSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { describe, expect, it } from "vitest";
import {
  type Backup,
  createBackup,
  type Keys,
  listBackups,
  pruneBackups,
  restoreBackup,
  verifyBackup,
} from "../../src/index.js";
import { backUp, restore, targetAt } from "../support/backups.js";
import { withDatabaseUrl } from "../support/database.js";
import { failure } from "../support/failure.js";
import { query } from "../support/inspect.js";
import { contentOf } from "../support/pantry.js";
import { type TestProject, withProject } from "../support/project.js";

const tables = `
  create table stays (id int primary key, body text);
  create table changes (id int primary key, body text);
  create table "Grows; ü" (id int);
  create table empty (id int);
  insert into stays select n, 'stays ' || n from generate_series(1, 500) as n;
  insert into changes select n, 'first' from generate_series(1, 500) as n;
`;

/** The backup whose folder holds the rows of each table; `own` for its own. */
function whose({ id, manifest }: Backup): Record<string, string> {
  const names = manifest.tables.flatMap(({ schema, name, files }) => {
    const [folder] = new Set(files.map(({ backup }) => backup ?? id));
    return schema === "public" ? [[name, folder === id ? "own" : (folder ?? "")]] : [];
  });
  return Object.fromEntries(names);
}

/** Runs a test with three backups, of which each is compared with the one before. */
async function withChain(
  test: (project: TestProject, chain: readonly Backup[], contents: readonly string[]) => Promise<void>,
): Promise<void> {
  await withProject({}, async (project) => {
    const chain: Backup[] = [];
    const contents: string[] = [];
    for (const change of [
      tables,
      "update changes set body = 'second' where id = 1",
      `update changes set body = 'third' where id = 1; insert into "Grows; ü" values (1)`,
    ]) {
      await query(project.url, change);
      chain.push(await backUp(project, { incremental: chain.length > 0 }));
      contents.push(await contentOf(project.url));
    }
    await test(project, chain, contents);
  });
}

async function expectRestores(
  project: TestProject,
  backup: Backup,
  keys: Keys,
  content: string,
): Promise<void> {
  await withDatabaseUrl(async (copy) => {
    await restoreBackup(targetAt(project, copy), backup, { keys }, project.operation);
    expect(await contentOf(copy)).toBe(content);
  });
}

describe("an incremental backup", () => {
  it("refers to the files of unchanged tables wherever they lie, holds the others, and restores by itself", async () => {
    await withChain(async (project, chain, contents) => {
      const [first, second, third] = chain.map(({ id }) => id);
      expect(chain.map(whose)).toEqual([
        { stays: "own", changes: "own", empty: "own", "Grows; ü": "own" },
        { stays: first, changes: "own", empty: first, "Grows; ü": first },
        { stays: first, changes: "own", empty: first, "Grows; ü": "own" },
      ]);
      expect(chain.map(({ manifest }) => manifest.parent)).toEqual([undefined, first, second]);
      expect(third).not.toBe(second);
      for (const [index, backup] of chain.entries()) {
        if (index === 0) continue;
        await expectRestores(project, backup, {}, contents[index] ?? "");
        expect(await verifyBackup(backup, project.operation)).toMatchObject({ problems: [] });
      }
    });
  });

  it("keeps the files it needs when the backups before it are pruned", async () => {
    await withChain(async (project, chain, contents) => {
      const [first, , third] = chain;
      if (!first || !third) throw new Error("there are three");
      const { removed } = await pruneBackups(
        third.store,
        { project: project.target.project.name, environment: "local" },
        { daily: 1, weekly: 0, monthly: 0 },
        project.operation,
      );
      expect(removed).toHaveLength(2);
      expect((await listBackups(third.store)).map(({ id }) => id)).toEqual([third.id]);
      const kept = readdirSync(join(project.root, "backups", first.id), { recursive: true }).map(String);
      expect(kept.some((name) => name.includes("stays"))).toBe(true);
      expect(kept.some((name) => name.includes("changes") || name.includes("schema"))).toBe(false);
      expect(await verifyBackup(third, project.operation)).toMatchObject({ problems: [] });
      await expectRestores(project, third, {}, contents[2] ?? "");
    });
  });

  it("copies anew what its parent has lost, and verifying tells what lies damaged under the right size", async () => {
    await withChain(async (project, [first, second]) => {
      if (!first || !second) throw new Error("there are three");
      const file = first.manifest.tables.find(({ name }) => name === "stays")?.files[0]?.name ?? "";
      const path = join(project.root, "backups", first.id, file);
      truncateSync(path, 10);
      const third = await backUp(project, { incremental: true });
      expect(whose(third)).toMatchObject({ stays: "own" });
      rmSync(path);
      const fourth = await backUp(project, { incremental: true });
      expect(whose(fourth)).toMatchObject({ stays: third.id });
      expect(await verifyBackup(fourth, project.operation)).toMatchObject({ problems: [] });
      expect((await verifyBackup(second, project.operation)).problems).toHaveLength(1);
      expect(await failure(restore(project, second))).toMatchObject({ code: "archive-damaged" });
      await restore(project, fourth);
    });
  });

  it("takes no file of a backup that other keys open", async () => {
    await withProject({}, async (project) => {
      await query(project.url, tables);
      const [one, two] = [await generateX25519Identity(), await generateX25519Identity()];
      const sealed = async (identities: readonly string[]) => {
        const recipients = await Promise.all(identities.map(identityToRecipient));
        const { environment } = project.target;
        const target = {
          ...project.target,
          environment: { ...environment, backups: { ...environment.backups, recipients } },
        };
        return await createBackup(target, { incremental: true }, project.operation);
      };
      const plain = await backUp(project);
      const first = await sealed([one]);
      expect(first.manifest.parent).toBeUndefined();
      const second = await sealed([one]);
      expect(whose(second)).toMatchObject({ stays: first.id });
      const third = await sealed([one, two]);
      expect(third.manifest.parent).toBeUndefined();
      expect(whose(third)).toMatchObject({ stays: "own" });
      const again = await backUp(project, { incremental: true });
      expect(again.manifest.parent).toBe(plain.id);
      const content = await contentOf(project.url);
      await expectRestores(project, second, { identity: one }, content);
      await expectRestores(project, third, { identity: two }, content);
      expect(
        await failure(restoreBackup(project.target, second, { keys: { identity: two } }, project.operation)),
      ).toMatchObject({
        code: "identity-wrong",
      });
    });
  });

  it("of one that a passphrase hides is opened by that passphrase, all the way down", async () => {
    await withProject({}, async (project) => {
      await query(project.url, tables);
      const passphrase = "three blind mice and a cat";
      const chain: Backup[] = [];
      for (const change of [
        "select 1",
        "update changes set body = 'second'",
        "update changes set body = 'third'",
      ]) {
        await query(project.url, change);
        chain.push(await backUp(project, { incremental: true, passphrase }));
      }
      const [first, , third] = chain;
      if (!first || !third) throw new Error("there are three");
      expect(whose(third)).toMatchObject({ stays: first.id, changes: "own" });
      await expectRestores(project, third, { passphrase }, await contentOf(project.url));
      const other = await backUp(project, { incremental: true, passphrase: "another one" });
      expect(whose(other)).toMatchObject({ stays: "own" });
      await expectRestores(project, other, { passphrase: "another one" }, await contentOf(project.url));
      expect(await failure(restore(project, third, { keys: { passphrase: "wrong" } }))).toMatchObject({
        code: "passphrase-wrong",
      });
    });
  });
});
