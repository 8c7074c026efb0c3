import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../fixtures/access/", import.meta.url));

/** The two people of every fixture, who sign in as `ada@example.com` and `ben@example.com`. */
export const adaAndBen = `
insert into auth.users (id, email) values
  ('00000000-0000-4000-8000-00000000000a', 'ada@example.com'),
  ('00000000-0000-4000-8000-00000000000b', 'ben@example.com');
`;

/** A schema that leaks, or one that does not. */
export interface AccessFixture {
  readonly name: string;
  readonly sql: string;
  /** What leaks, or what the schema shows, in a sentence. */
  readonly about: string;
  /** The rules that find it. */
  readonly rules: readonly string[];
  /** What the matrix shows, as the file says it after `matrix`. */
  readonly measured: readonly string[];
  /** What everybody may do on purpose, such as `select public.articles`. */
  readonly open: readonly string[];
}

/** The fixtures of a folder: `leaky` or `sound`. */
export function accessFixtures(kind: "leaky" | "sound"): AccessFixture[] {
  return readdirSync(join(folder, kind)).map((file) => {
    const sql = readFileSync(join(folder, kind, file), "utf8");
    const said = (begin: string) =>
      sql.split("\n").flatMap((line) => (line.startsWith(begin) ? [line.slice(begin.length)] : []));
    return {
      name: file.replace(/\.sql$/, ""),
      sql,
      about: said(kind === "leaky" ? "-- leak: " : "-- sound: ")[0] ?? "",
      rules: said("-- found by: lint "),
      measured: said("-- found by: matrix "),
      open: said("-- open: "),
    };
  });
}
