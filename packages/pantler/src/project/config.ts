import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import * as v from "valibot";
import { InputError } from "../operation/index.js";

const text = v.pipe(v.string(), v.minLength(1, "must not be empty"));

const configFile = v.strictObject({
  name: v.optional(text),
  folders: v.optional(
    v.strictObject({ migrations: v.optional(text), rollbacks: v.optional(text), checks: v.optional(text) }),
  ),
  seed: v.optional(v.array(text)),
  engine: v.optional(
    v.pipe(
      v.strictObject({
        url: v.optional(text),
        port: v.optional(
          v.pipe(
            v.number(),
            v.integer("must be a whole number"),
            v.minValue(1024, "must be at least 1024"),
            v.maxValue(65535, "must be at most 65535"),
          ),
        ),
      }),
      v.check(
        (engine) => engine.url === undefined || engine.port === undefined,
        "url and port exclude each other: with url the server is not ours to start",
      ),
    ),
  ),
  environments: v.optional(
    v.pipe(
      v.record(
        v.pipe(v.string(), v.regex(/^[a-z][a-z0-9_-]*$/, "is named in lower case: letters, digits, - and _")),
        v.strictObject({ url: v.optional(text), protected: v.optional(v.boolean()) }),
      ),
      v.check(
        (environments) => environments.local?.url === undefined,
        "local has no url: it is the embedded server; to use another one set engine.url",
      ),
    ),
  ),
});

/**
 * What `pantler.config.ts` (or `.js`, `.mjs`, `.json`) may say. A Supabase project needs none of it.
 */
export interface PantlerConfig {
  /** The project's name; by default `project_id` of supabase/config.toml, or the folder's name. */
  name?: string | undefined;
  /** Where the SQL lives, relative to the project; by default supabase/migrations, rollbacks and checks. */
  folders?:
    | { migrations?: string | undefined; rollbacks?: string | undefined; checks?: string | undefined }
    | undefined;
  /** Seed files in the order they run, relative to the project; `*` stands for any part of a file name. */
  seed?: string[] | undefined;
  /** The local server: `url` uses one that runs already, `port` is where ours listens if it is free. */
  engine?: { url?: string | undefined; port?: number | undefined } | undefined;
  /** Other databases of this project. Every one but `local` is protected unless it says otherwise. */
  environments?: Record<string, { url?: string | undefined; protected?: boolean | undefined }> | undefined;
}

export const configNames = [
  "pantler.config.ts",
  "pantler.config.js",
  "pantler.config.mjs",
  "pantler.config.json",
] as const;

/**
 * Reads the project's config file, if it has one.
 * @throws InputError `config-ambiguous`, `config-unreadable` or `config-invalid`; the last lists every problem
 */
export async function readConfig(root: string): Promise<PantlerConfig> {
  const present = configNames.filter((name) => existsSync(join(root, name)));
  const [name] = present;
  if (name === undefined) return {};
  if (present.length > 1) {
    throw new InputError({
      code: "config-ambiguous",
      message: `There are several config files: ${present.join(", ")}.`,
      state: "Nothing was done.",
      remedy: "Keep one of them.",
    });
  }
  const file = join(root, name);
  const checked = v.safeParse(configFile, await evaluate(file));
  if (checked.success) return checked.output;
  const problems = checked.issues.map((issue) => {
    const place = v.getDotPath(issue) ?? "the file";
    return issue.expected === "never" ? `${place}: there is no such setting` : `${place}: ${issue.message}`;
  });
  throw new InputError({
    code: "config-invalid",
    message: `${name} has ${problems.length === 1 ? "a problem" : `${problems.length} problems`}.`,
    detail: problems.join("\n"),
    state: "Nothing was done.",
    remedy: "Mend the lines named above.",
  });
}

async function evaluate(file: string): Promise<unknown> {
  try {
    if (file.endsWith(".json")) return JSON.parse(readFileSync(file, "utf8"));
    if (file.endsWith(".ts")) {
      const { createJiti } = await import("jiti");
      return await createJiti(import.meta.url).import(file, { default: true });
    }
    const module = (await import(pathToFileURL(file).href)) as { default?: unknown };
    return module.default;
  } catch (error) {
    throw new InputError({
      code: "config-unreadable",
      message: `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      state: "Nothing was done.",
      remedy: "Mend the file; it has to export its settings as default.",
      cause: error,
    });
  }
}
