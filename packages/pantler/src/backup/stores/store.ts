import type { Readable } from "node:stream";
import { EnvironmentError, InputError } from "../../operation/index.js";

export interface StoredFile {
  /** Relative to the store's root, with `/`. */
  readonly name: string;
  readonly bytes: number;
  readonly modified: Date;
}

export interface WrittenFile {
  readonly bytes: number;
  /** Of what was stored, in hex. */
  readonly sha256: string;
}

/**
 * Where backups are kept. Names are relative to its root, with `/`; every one is checked: no `..`, no absolute path, no
 * backslash, no control characters. Every method throws EnvironmentError when the store cannot be used: `store-full`,
 * `store-unwritable`, `store-unreadable`, `store-refused`, `store-missing`, `store-unreachable`.
 */
export interface Store {
  /** For people: there are no credentials in it. */
  readonly location: string;
  /** Where the files are, absolute, when they are files of this machine. */
  readonly folder: string | undefined;
  /** The names of the folders directly below the root, sorted; none when the store was never written to. */
  folders(): Promise<string[]>;
  /** Everything below a folder, recursively, sorted by name; nothing when there is no such folder. */
  list(folder: string): Promise<StoredFile[]>;
  /**
   * Writes a file, over one that may be there. It exists under its name only when it is complete; when two write the
   * same name at once, it is one of them, whole. A power cut may take it away until one is written in the folder above.
   * @param content is asked for no more than fits into a few megabytes of memory; what it throws is thrown on
   * @returns the size and the hash of what was stored
   */
  write(name: string, content: AsyncIterable<Uint8Array>): Promise<WrittenFile>;
  /**
   * Opens a file for reading. A stream that ends without an error was read to the file's end.
   * @throws EnvironmentError `store-file-missing`
   */
  read(name: string): Promise<Readable>;
  /** Removes files; missing ones are fine. */
  remove(names: readonly string[]): Promise<void>;
  /**
   * Removes what writes left behind that broke off, and empty folders.
   * @param age how long ago, in milliseconds, something has to have changed last to be taken for abandoned
   * @returns how many things were removed
   */
  sweep(age: number): Promise<number>;
}

/** What files are called as long as they are written, which no name may begin with. */
export const temporaryPrefix = ".pantler-";

/** What no name may hold: separators of other systems, what no terminal should be shown, halves of characters. */
const forbidden = /[\\\p{Control}\p{Surrogate}]/u;

/** Bounds in bytes, within those of file systems (255 for a part) and of S3 (1024 with the prefix). */
const longest = { name: 900, part: 255 };

/** Whether a name says where below a root something is, and nowhere else. */
export function isSafeName(name: string): boolean {
  return (
    !forbidden.test(name) && Buffer.byteLength(name) <= longest.name && name.split("/").every(isSafePart)
  );
}

function isSafePart(part: string): boolean {
  if (part === "" || part === "." || part === ".." || part.startsWith(temporaryPrefix)) return false;
  return Buffer.byteLength(part) <= longest.part;
}

/**
 * Checks a name, which may come from a manifest that somebody else wrote.
 * @returns the name
 * @throws InputError `store-name-unsafe`
 */
export function checkName(name: string): string {
  if (isSafeName(name)) return name;
  const shown = JSON.stringify(name.slice(0, 200)).replaceAll(/[\u007f-\u009f]/g, "?");
  throw new InputError({
    code: "store-name-unsafe",
    message: `${shown} is no name for a file of a backup.`,
    state: "Nothing was done.",
    remedy:
      "If the name is from an archive, do not use it: its manifest was damaged, or changed by somebody.",
  });
}

/** What reading a file that is not there ends with. */
export function missingFile(name: string, location: string): EnvironmentError {
  return new EnvironmentError({
    code: "store-file-missing",
    message: `${name} is not in ${location}.`,
    state: "Nothing was changed.",
    remedy: "Use another backup; pantler backup list names those that are whole.",
  });
}
