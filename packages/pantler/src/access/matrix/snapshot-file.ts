import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { InputError, messageOf, newId } from "../../operation/index.js";
import type { AccessSnapshot } from "./snapshot.js";

/**
 * Reads a snapshot.
 * @returns undefined where there is no such file
 * @throws InputError `snapshot-unreadable`
 */
export function readSnapshot(file: string): AccessSnapshot | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw unreadable(file, messageOf(error), error);
  }
  try {
    const snapshot = JSON.parse(text) as AccessSnapshot;
    if (snapshot.format === 1 && snapshot.relations && snapshot.identities && snapshot.functions) {
      return snapshot;
    }
  } catch (error) {
    throw unreadable(file, messageOf(error), error);
  }
  throw unreadable(file, "it is not a snapshot of this version's format", undefined);
}

/** Writes a snapshot so that whoever reads the file finds the old one or the new one. */
export function writeSnapshot(file: string, snapshot: AccessSnapshot): void {
  const aside = `${file}.${newId(new Date())}`;
  try {
    writeFileSync(aside, `${render(snapshot, 0)}\n`);
    renameSync(aside, file);
  } catch (error) {
    rmSync(aside, { force: true });
    throw new InputError({
      code: "snapshot-unwritable",
      message: `${file} cannot be written: ${messageOf(error)}.`,
      state: "The snapshot is as it was.",
      remedy: "Make the folder writable.",
      cause: error,
    });
  }
}

/** What fits stands on one line, so that a change of one right is one line in a review. */
const lineWidth = 110;

/** @param before what stands on the line before the value */
function render(value: unknown, depth: number, before = ""): string {
  const flat = inline(value);
  if (typeof value !== "object" || value === null || Object.keys(value).length === 0) return flat;
  const isList = Array.isArray(value);
  const fits = before.length + flat.length + ",".length <= lineWidth;
  if (fits && (isList || depth > 3)) return flat;
  const indent = "  ".repeat(depth + 1);
  const parts = isList
    ? value.map((each) => `${indent}${render(each, depth + 1, indent)}`)
    : Object.entries(value).flatMap(([key, each]) => {
        const start = `${indent}${JSON.stringify(key)}: `;
        return each === undefined ? [] : [`${start}${render(each, depth + 1, start)}`];
      });
  const [open, close] = isList ? ["[", "]"] : ["{", "}"];
  return `${open}\n${parts.join(",\n")}\n${"  ".repeat(depth)}${close}`;
}

function inline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const parts = Object.entries(value)
    .filter(([, each]) => each !== undefined)
    .map(([key, each]) => `${JSON.stringify(key)}: ${inline(each)}`);
  return parts.length === 0 ? "{}" : `{ ${parts.join(", ")} }`;
}

function unreadable(file: string, why: string, cause: unknown): InputError {
  return new InputError({
    code: "snapshot-unreadable",
    message: `The snapshot ${file} cannot be read: ${why}.`,
    state: "Nothing was done.",
    remedy: "Take it from the repository again, or write a new one: pantler access matrix --write",
    cause,
  });
}
