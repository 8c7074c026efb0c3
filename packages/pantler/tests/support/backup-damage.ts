import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { renderManifest } from "../../src/backup/archive/manifest.js";
import { writeDrill } from "../../src/backup/drill-record.js";
import {
  type Backup,
  createBackup,
  drillBackup,
  findBackup,
  isUsable,
  type Keys,
  listBackups,
  type Manifest,
  type Store,
  verifyBackup,
} from "../../src/index.js";
import { backUp } from "./backups.js";
import { changeGoods, fillPantry } from "./pantry.js";
import { type TestProject, withProject } from "./project.js";

export const passphrase = "three loaves and a jar of honey";

/** A store with a backup of every kind that files are kept in. */
export interface Larder {
  readonly project: TestProject;
  readonly store: Store;
  /** Where the files are. */
  readonly folder: string;
  readonly keys: Keys;
  /** Plain, and proven. */
  readonly plain: Backup;
  /** Refers to files of the plain one. */
  readonly child: Backup;
  /** Encrypted by a passphrase. */
  readonly hidden: Backup;
  /** Refers to files of the one that the passphrase hides. */
  readonly hiddenChild: Backup;
  /** Encrypted to a key. */
  readonly sealed: Backup;
  /** Passed a drill, and then another one not. */
  readonly doubtful: Backup;
}

/** Runs a test with such a store. */
export async function withLarder(test: (larder: Larder) => Promise<void>): Promise<void> {
  await withProject({}, async (project) => {
    await fillPantry(project.url);
    const identity = await generateX25519Identity();
    const keys: Keys = { identity, passphrase };
    const recipients = [await identityToRecipient(identity)];
    const plain = await backUp(project);
    const hidden = await backUp(project, { passphrase });
    await changeGoods(project.url);
    const child = await backUp(project, { incremental: true });
    const hiddenChild = await backUp(project, { incremental: true, passphrase });
    const { environment } = project.target;
    const sealing = { ...environment, backups: { ...environment.backups, recipients } };
    const sealed = await createBackup({ ...project.target, environment: sealing }, {}, project.operation);
    const doubtful = await backUp(project);
    const drill = await drillBackup(plain, keys, project.operation);
    const passed = { ...drill, manifest: doubtful.sha256 };
    await writeDrill(doubtful.store, doubtful.id, passed);
    await writeDrill(doubtful.store, doubtful.id, {
      ...passed,
      proven: false,
      differences: ["a is missing"],
    });
    const folder = join(project.root, "backups");
    await test({
      ...{ project, store: plain.store, folder, keys },
      ...{ plain, child, hidden, hiddenChild, sealed, doubtful },
    });
  });
}

/** Writes a manifest anew, with a hash that is right. */
export function rewriteManifest(
  folder: string,
  id: string,
  change: (manifest: Manifest) => Partial<Record<keyof Manifest, unknown>>,
): void {
  const file = join(folder, id, "manifest.json");
  const { sha256: _, ...manifest } = JSON.parse(readFileSync(file, "utf8")) as Manifest & { sha256: string };
  writeFileSync(file, renderManifest({ ...manifest, ...change(manifest) } as Manifest));
}

/** All files of all archives, below the store's folder. */
function archiveFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== ".gitignore")
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

/** What a file is for. */
function kindOf(file: string): string {
  const name = file.slice(file.indexOf("/") + 1);
  const plain = name.startsWith("data/") ? "rows" : name.replace(/^drill-.*/, "drill");
  return name.endsWith(".age") && name !== "key.age" ? `${plain.replace(/\.age$/, "")}, encrypted` : plain;
}

type Damage = (path: string, random: () => number, others: readonly string[]) => readonly string[];

/** Ways to damage a file. Each returns the paths of all files that it changed. */
const damages: Readonly<Record<string, Damage>> = {
  flipped(path, random) {
    const bytes = readFileSync(path);
    const at = Math.floor(random() * bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(random() * 8));
    writeFileSync(path, bytes);
    return [path];
  },
  truncated(path, random) {
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.subarray(0, Math.floor(random() * bytes.length)));
    return [path];
  },
  removed(path) {
    rmSync(path);
    return [path];
  },
  swapped(path, random, others) {
    const other = others[Math.floor(random() * others.length)] ?? path;
    const aside = `${path}.aside`;
    renameSync(path, aside);
    renameSync(other, path);
    renameSync(aside, other);
    return [path, other];
  },
  lengthened(path, random) {
    writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.alloc(1 + Math.floor(random() * 9))]));
    return [path];
  },
  "zeroed in part"(path, random) {
    const bytes = readFileSync(path);
    const at = Math.floor(random() * bytes.length);
    writeFileSync(path, bytes.fill(0, at, Math.min(at + 512, bytes.length)));
    return [path];
  },
  "replaced by a folder"(path) {
    rmSync(path);
    mkdirSync(path);
    return [path];
  },
  "replaced by a link"(path) {
    renameSync(path, `${path}.aside`);
    symlinkSync(`${path}.aside`, path);
    return [path];
  },
};

/** Damages one file by itself, and says how. */
function damageFile(path: string, random: () => number): string {
  const ways = ["flipped", "truncated", "removed", "lengthened", "zeroed in part"];
  const way = ways[Math.floor(random() * ways.length)] ?? "";
  const before = readFileSync(path);
  damages[way]?.(path, random, []);
  const isSame = existsSync(path) && readFileSync(path).equals(before);
  if (isSame) rmSync(path);
  return isSame ? "removed" : way;
}

/** A file that a backup needs, its own or another's that it names; each kind comes as often as any. */
function neededFile({ id, manifest }: Backup, random: () => number): string {
  const named = (files: readonly { name: string; backup?: string | undefined }[]) =>
    files.map(({ name, backup }) => `${backup ?? id}/${name}`);
  const rows = named(manifest.tables.flatMap(({ files }) => files));
  const others = named(manifest.files);
  const place = Math.floor(random() * (others.length + 2));
  return others[place] ?? rows[Math.floor(random() * rows.length)] ?? "";
}

/**
 * Damages a file that a backup needs and has the backup drilled, then puts everything back.
 * @param trial chooses the backup
 */
export async function drillDamaged(
  { project, store, folder, keys, ...backups }: Larder,
  trial: number,
  random: () => number,
): Promise<DamageTrial> {
  const all = [backups.plain, backups.child, backups.hidden, backups.hiddenChild, backups.sealed];
  const { id } = all[trial % all.length] ?? backups.plain;
  const spare = join(project.root, "spare");
  cpSync(folder, spare, { recursive: true });
  const file = neededFile(await findBackup(store, id), random);
  const what = `${file} ${damageFile(join(folder, file), random)}`;
  const drill = await drillBackup(await findBackup(store, id), keys, project.operation);
  const { proven } = await findBackup(store, id);
  rmSync(folder, { recursive: true });
  renameSync(spare, folder);
  return { what, problem: drill.proven || proven ? "it is proven all the same" : "" };
}

/** One bit of damage, and why nobody noticed it; empty when somebody did. */
export interface DamageTrial {
  readonly what: string;
  readonly problem: string;
}

/** Damages a file at random, looks who notices, and puts everything back. */
export async function damageOnce(larder: Larder, random: () => number): Promise<DamageTrial> {
  const { folder } = larder;
  const files = archiveFiles(folder);
  const pick = <Item>(items: readonly Item[]) => items[Math.floor(random() * items.length)] as Item;
  // The kind first: there are many files of rows, and one key.
  const kind = pick([...new Set(files.map(kindOf))]);
  const file = pick(files.filter((each) => kindOf(each) === kind));
  const way = pick(Object.keys(damages));
  const kept = new Map(files.map((name) => [name, readFileSync(join(folder, name))]));
  const paths = files.filter((name) => name !== file).map((name) => join(folder, name));
  const touched = damages[way]?.(join(folder, file), random, paths) ?? [];
  const changed = touched.map((path) => relative(folder, path)).filter((name) => isOther(folder, name, kept));
  const problems: string[] = [];
  for (const name of changed) problems.push(...(await unnoticed(larder, name)));
  for (const path of touched) {
    rmSync(path, { recursive: true, force: true });
    rmSync(`${path}.aside`, { force: true });
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, kept.get(relative(folder, path)) ?? "");
  }
  return { what: `${changed.length > 0 ? file : "nothing"} ${way}`, problem: problems.join("; ") };
}

function isOther(folder: string, name: string, kept: ReadonlyMap<string, Buffer>): boolean {
  const path = join(folder, name);
  // A link is no file, whatever it leads to.
  if (existsSync(`${path}.aside`)) return true;
  const isFile = readdirSync(dirname(path), { withFileTypes: true }).some(
    (entry) => entry.isFile() && join(entry.parentPath, entry.name) === path,
  );
  return !isFile || !readFileSync(path).equals(kept.get(name) ?? Buffer.alloc(0));
}

/** Backups that would be affected by damage to a file and pass for whole all the same. */
async function unnoticed(larder: Larder, file: string): Promise<string[]> {
  const listed = await listBackups(larder.store);
  const { project, plain, child, hidden, hiddenChild, sealed, doubtful } = larder;
  const problems: string[] = [];
  for (const backup of [plain, child, hidden, hiddenChild, sealed, doubtful]) {
    if (!refersTo(backup, file)) continue;
    const found = listed.find(({ id }) => id === backup.id);
    if (!found || !isUsable(found)) continue;
    if (kindOf(file) === "drill") {
      if (found.proven) problems.push(`${backup.id} is proven by a drill that was changed`);
    } else if ((await verifyBackup(found, project.operation)).problems.length === 0) {
      problems.push(`${backup.id} is verified without a problem`);
    }
  }
  return problems;
}

/** Whether a file belongs to what a backup is: its own, or one of another archive that it names. */
function refersTo({ id, manifest }: Backup, file: string): boolean {
  const files = [...manifest.files, ...manifest.tables.flatMap((table) => table.files)];
  const named = files.map(({ name, backup }) => `${backup ?? id}/${name}`);
  const isAbout = kindOf(file) === "drill" || kindOf(file) === "manifest.json";
  return named.includes(file) || (isAbout && file.startsWith(`${id}/`));
}
