/** The files of an archive besides the rows. */
export const fileNames = {
  pre: "schema.pre.sql",
  post: "schema.post.sql",
  /** Foreign keys that the rows of an archive of some tables cannot meet. */
  broken: "schema.broken.sql",
  roles: "roles.sql",
  /** Every object of the schema as the server describes it, for comparing. */
  objects: "schema.objects.json",
  script: "restore.sql",
  /** Says that a creation is running, and which backup it refers to. */
  pending: "pending.json",
  /** For a passphrase: the key of the other files. */
  key: "key.age",
} as const;

const idShape = /^\d{8}T\d{6}Z-[0-9a-f]{6}$/;

/** Whether a text has the shape of an id, as `newId` of the room operation makes it; only such folders of a store are archives. */
export function isId(text: string): boolean {
  return idShape.test(text);
}

/** A longer name than this is cut off in the name of a file. */
const longestSlug = 80;

/**
 * Gives tables' files their names: readable, safe on every file system whatever the table is called, and different
 * even where letters' case is not told apart.
 */
export class FileNames {
  readonly #taken = new Set<string>();

  /** The beginning of the names of a table's files. */
  of(schema: string, name: string): string {
    const plain = `${schema}.${name}`.replaceAll(/[^A-Za-z0-9_.]+/g, "_").replaceAll(/\.{2,}/g, ".");
    const slug = plain.replace(/^\./, "_").slice(0, longestSlug);
    for (let number = 1; ; number += 1) {
      const candidate = number === 1 ? slug : `${slug}-${number}`;
      if (this.#taken.has(candidate.toLowerCase())) continue;
      this.#taken.add(candidate.toLowerCase());
      return `data/${candidate}`;
    }
  }
}
