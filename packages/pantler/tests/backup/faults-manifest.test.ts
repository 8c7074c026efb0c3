import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  type Backup,
  drillBackup,
  findBackup,
  isUsable,
  listBackups,
  type Manifest,
  pruneBackups,
  restoreBackup,
  verifyBackup,
} from "../../src/index.js";
import { rewriteManifest } from "../support/backup-damage.js";
import { backUp, restore, targetAt } from "../support/backups.js";
import { withDatabaseUrl } from "../support/database.js";
import { failure } from "../support/failure.js";
import { query } from "../support/inspect.js";
import { contentOf } from "../support/pantry.js";
import { type TestProject, withProject } from "../support/project.js";

const schema = `
  create table goods (id serial primary key, name text);
  insert into goods (name) select 'good ' || n from generate_series(1, 30) as n;
  create table victims (id int primary key);
  insert into victims select generate_series(1, 10);
  create materialized view names as select name from goods;
`;

interface Edited {
  readonly project: TestProject;
  readonly backup: Backup;
  /** Changes the manifest of the backup, and gives it a right hash. */
  readonly edit: (change: (manifest: Manifest) => Partial<Record<keyof Manifest, unknown>>) => void;
  readonly listed: () => ReturnType<typeof listBackups>;
}

/** Runs a test with a backup whose manifest somebody edits, and another one beside it. */
async function withEdited(test: (edited: Edited) => Promise<void>): Promise<void> {
  await withProject({}, async (project) => {
    await query(project.url, schema);
    await backUp(project);
    const backup = await backUp(project);
    const folder = join(project.root, "backups");
    const original = readFileSync(join(folder, backup.id, "manifest.json"));
    await test({
      project,
      backup,
      edit: (change) => {
        writeFileSync(join(folder, backup.id, "manifest.json"), original);
        rewriteManifest(folder, backup.id, change);
      },
      listed: async () => await listBackups(backup.store),
    });
  });
}

const first = (manifest: Manifest, name: string) => {
  const found = manifest.tables.find((table) => table.name === name);
  if (!found) throw new Error(`there is no table ${name}`);
  return found;
};

/** The manifest's tables, one of them changed. */
const withTable = (manifest: Manifest, name: string, change: object) => ({
  tables: manifest.tables.map((table) => (table.name === name ? { ...table, ...change } : table)),
});

describe("a manifest of a format that is still to come", () => {
  it("is listed as such, keeps its backup from use, and is no trouble to others", async () => {
    await withEdited(async ({ project, backup, edit, listed }) => {
      edit(() => ({ format: 2, tables: "in another way", shelves: [] }));
      const [whole, newer] = await listed();
      expect(whole && isUsable(whole)).toBe(true);
      expect(newer).toMatchObject({ id: backup.id, problem: { code: "format-newer", exit: 2 } });
      const error = await failure(findBackup(backup.store, backup.id));
      expect(error.message).toBe(
        `The backup ${backup.id} has format 2; this version of Pantler reads formats up to 1.`,
      );
      expect(
        await drillBackup(await findBackup(backup.store, "latest"), {}, project.operation),
      ).toMatchObject({
        proven: true,
      });
      const of = { project: "test", environment: "local" };
      await backUp(project, { incremental: true });
      await pruneBackups(backup.store, of, { daily: 1, weekly: 0, monthly: 0 }, project.operation);
      expect((await listed()).map(({ id }) => id)).toContain(backup.id);
    });
  });
});

describe("a manifest that somebody has edited, with a hash that is right", () => {
  const odd: Record<string, (manifest: Manifest) => Partial<Record<keyof Manifest, unknown>>> = {
    "fewer rows than none": (manifest) => withTable(manifest, "goods", { rows: -1 }),
    "half a byte": (manifest) => withTable(manifest, "goods", { bytes: 0.5 }),
    "files above the store": ({ files }) => ({ files: [{ ...files[0], name: "../../outside.sql" }] }),
    "files anywhere": ({ files }) => ({ files: [{ ...files[0], name: "/etc/passwd" }] }),
    "files of the other system": ({ files }) => ({ files: [{ ...files[0], name: "..\\..\\outside.sql" }] }),
    "rows above the store": (manifest) =>
      withTable(manifest, "goods", { files: [{ ...first(manifest, "goods").files[0], backup: "../.." }] }),
    "an id of its own": () => ({ id: "20200101T000000Z-abcdef" }),
    "a parent that is none": () => ({ parent: "../.." }),
    "a number after which none comes": () => ({ sequence: Number.MAX_SAFE_INTEGER }),
    "a day that never was": () => ({ createdAt: "2026-13-32T25:61:61Z" }),
    "a kind of its own": () => ({ kind: "everything" }),
    "no tables": () => ({ tables: undefined }),
    "a sequence that stands nowhere": ({ sequences }) => ({
      sequences: [{ ...sequences[0], lastValue: "1); drop table victims; --" }],
    }),
  };

  it("is listed as damaged when it says what cannot be, and is no trouble to others", async () => {
    await withEdited(async ({ project, backup, edit, listed }) => {
      writeFileSync(join(project.root, "outside.sql"), "drop table victims;");
      for (const [what, change] of Object.entries(odd)) {
        edit(change);
        const found = await listed();
        expect(found.map(isUsable), what).toEqual([true, false]);
        expect(found[1], what).toMatchObject({ id: backup.id, problem: { code: "archive-damaged" } });
      }
      await backUp(project, { incremental: true });
      expect((await listed()).filter(isUsable)).toHaveLength(2);
    });
  });

  it("is found out by a drill or a restore when it says what could be, and is not", async () => {
    const wrong: Record<string, (manifest: Manifest) => Partial<Record<keyof Manifest, unknown>>> = {
      "one row more": (manifest) =>
        withTable(manifest, "goods", {
          rows: 31,
          digest: first(manifest, "goods").digest.replace(/^30/, "31"),
        }),
      "the rows of another table": (manifest) =>
        withTable(manifest, "goods", { files: first(manifest, "victims").files }),
      "a column less": (manifest) => withTable(manifest, "goods", { columns: ["id"] }),
      "no rows at all": (manifest) => withTable(manifest, "goods", { files: [] }),
      "another file's text": ({ files }) => ({
        files: files.map((file) =>
          file.name === "schema.post.sql" ? { ...files[0], name: file.name } : file,
        ),
      }),
    };
    const drilled = new Set(["the rows of another table", "another file's text"]);
    await withEdited(async ({ project, backup, edit }) => {
      for (const [what, change] of Object.entries(wrong)) {
        edit(change);
        const edited = await findBackup(backup.store, backup.id);
        if (drilled.has(what)) {
          const drill = await drillBackup(edited, {}, project.operation);
          expect(drill.proven, what).toBe(false);
        }
        const before = await contentOf(project.url);
        expect((await failure(restore(project, edited))).state, what).toMatch(/as it was before|Nothing was/);
        expect(await contentOf(project.url), what).toBe(before);
      }
    });
  });

  it("has no name run as a statement", async () => {
    const name = 'x"; drop table victims; --';
    const hostile: Record<string, (manifest: Manifest) => Partial<Record<keyof Manifest, unknown>>> = {
      table: (manifest) => withTable(manifest, "goods", { name }),
      schema: (manifest) => withTable(manifest, "goods", { schema: name }),
      column: (manifest) => withTable(manifest, "goods", { columns: ["id", name] }),
      sequence: ({ sequences }) => ({ sequences: [{ ...sequences[0], name }] }),
      view: () => ({ views: [{ schema: "public", name }] }),
      role: () => ({ roles: [name] }),
      extension: () => ({ extensions: [{ name, schema: "public", version: "1" }] }),
      entrance: (manifest) => withTable(manifest, "goods", { entrance: { schema: "public", name } }),
      partOf: (manifest) => withTable(manifest, "goods", { partOf: [{ schema: "public", name }] }),
    };
    await withEdited(async ({ project, backup, edit }) => {
      const before = await contentOf(project.url);
      const { target, operation } = project;
      for (const [what, change] of Object.entries(hostile)) {
        edit(change);
        const edited = await findBackup(backup.store, backup.id);
        for (const request of [{}, { dataOnly: true }, { merge: "update" as const }]) {
          await restoreBackup(target, edited, { keys: {}, ...request }, operation).catch(() => {});
          expect(await contentOf(project.url), what).toBe(before);
        }
        if (!["sequence", "view"].includes(what)) continue;
        await withDatabaseUrl(async (url) => {
          await restoreBackup(targetAt(project, url), edited, { keys: {} }, operation).catch(() => {});
          // Either all came, or nothing: never all but the victims.
          const tables = await query(
            url,
            "select relname from pg_class where relname in ('goods', 'victims')",
          );
          expect([0, 2], what).toContain(tables.length);
        });
      }
    });
  });
});

describe("an archive that is encrypted", () => {
  const passphrase = "three loaves and a jar of honey";

  it("says that the key is missing or wrong, and leaves the database and its proof alone", async () => {
    await withProject({}, async (project) => {
      await query(project.url, schema);
      const backup = await backUp(project, { passphrase });
      expect(await drillBackup(backup, { passphrase }, project.operation)).toMatchObject({ proven: true });
      const before = await contentOf(project.url);
      for (const [keys, code] of [
        [{}, "key-missing"],
        [{ passphrase: "open sesame" }, "passphrase-wrong"],
        [{ identity: "AGE-SECRET-KEY-1" }, "identity-malformed"],
        [{ identity: "/nowhere/key.txt" }, "identity-unreadable"],
      ] as const) {
        expect(await failure(restore(project, backup, { keys }))).toMatchObject({ code, exit: 2 });
        expect(await failure(drillBackup(backup, keys, project.operation))).toMatchObject({ code, exit: 2 });
      }
      expect((await findBackup(backup.store, backup.id)).proven).toBe(true);
      expect(await contentOf(project.url)).toBe(before);
      expect(await verifyBackup(backup, project.operation)).toMatchObject({ problems: [] });
    });
  });

  it("is referred to by an incremental one only when the same passphrase opens it", async () => {
    await withProject({}, async (project) => {
      await query(project.url, schema);
      const parent = await backUp(project, { passphrase });
      const child = await backUp(project, { passphrase, incremental: true });
      const grandchild = await backUp(project, { passphrase, incremental: true });
      const other = await backUp(project, { passphrase: "another one altogether", incremental: true });
      const sharedBy = ({ manifest }: Backup) =>
        new Set(manifest.tables.flatMap(({ files }) => files.map(({ backup }) => backup)));
      expect(sharedBy(child)).toEqual(new Set([parent.id]));
      expect(sharedBy(grandchild)).toEqual(new Set([parent.id]));
      expect(sharedBy(other)).toEqual(new Set([undefined]));
      const content = await contentOf(project.url);
      await withDatabaseUrl(async (url) => {
        await restore(project, grandchild, { keys: { passphrase } }, url);
        expect(await contentOf(url)).toBe(content);
        expect(await failure(restore(project, other, { keys: { passphrase } }, url))).toMatchObject({
          code: "passphrase-wrong",
        });
      });
    });
  });
});

describe("a manifest written by another project", () => {
  it("is not the parent of a backup of this one, nor removed by its prune", async () => {
    await withEdited(async ({ project, backup, edit, listed }) => {
      edit(() => ({ project: "elsewhere" }));
      const child = await backUp(project, { incremental: true });
      expect(child.manifest.parent).not.toBe(backup.id);
      const of = { project: "test", environment: "local" };
      await pruneBackups(backup.store, of, { daily: 0, weekly: 0, monthly: 0 }, project.operation);
      expect((await listed()).map(({ id }) => id).sort()).toEqual([backup.id, child.id].sort());
      expect(await verifyBackup(child, project.operation)).toMatchObject({ problems: [] });
    });
  });
});

it("reading a manifest loses nothing of what was written", async () => {
  await withEdited(async ({ backup }) => {
    const text = readFileSync(join(backup.store.folder ?? "", backup.id, "manifest.json"), "utf8");
    expect(JSON.parse(text)).toEqual({ ...backup.manifest, sha256: backup.sha256 });
  });
});
