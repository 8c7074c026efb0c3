import { randomBytes } from "node:crypto";
import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { EnvironmentError } from "./errors.js";
import type { OperationEvent } from "./operation.js";
import { messageOf } from "./words.js";

export interface Journal {
  readonly file: string;
  /** Listens to an operation. Progress is left out: the journal is a record, not a display. */
  readonly record: (event: OperationEvent) => void;
  /** Writes the last line and closes the file. */
  readonly close: (result: Record<string, unknown>) => void;
}

/**
 * Opens the record of one operation: a file of JSON lines, readable by its owner only, each line on disk before
 * the step it tells of goes on.
 * @param folder the project's journal folder; made if it is missing
 * @param operation the operation's name, part of the file's name
 * @throws EnvironmentError `journal-unwritable`
 */
export function openJournal(folder: string, operation: string, request: Record<string, unknown>): Journal {
  const stamp = new Date().toISOString().replaceAll(":", "-");
  const file = join(folder, `${stamp}-${operation}-${randomBytes(3).toString("hex")}.jsonl`);
  const descriptor = createFile(folder, file);
  const write = (line: Record<string, unknown>) =>
    writeSync(descriptor, `${JSON.stringify({ at: new Date().toISOString(), ...line })}\n`);
  write({ type: "begun", operation, process: process.pid, ...request });
  return {
    file,
    record: (event) => {
      if (event.type !== "step-progress") write({ ...event });
    },
    close: (result) => {
      write({ ...result, type: "ended" });
      closeSync(descriptor);
    },
  };
}

function createFile(folder: string, file: string): number {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return openSync(file, "wx", 0o600);
  } catch (error) {
    throw new EnvironmentError({
      code: "journal-unwritable",
      message: `The journal cannot be written: ${messageOf(error)}.`,
      state: "Nothing was done.",
      remedy: "Run pantler as the user whose journal it is, or make the folder yours.",
      cause: error,
    });
  }
}
