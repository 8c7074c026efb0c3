import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import * as v from "valibot";
import { InputError } from "../operation/index.js";

/** What an environment may be called, so that it can be part of the names of files and variables. */
export const environmentName = /^[a-z][a-z0-9_-]*$/;

// None of these messages repeats the value: it may be an address with a password.
const text = v.pipe(v.string("must be text"), v.minLength(1, "must not be empty"));
const flag = v.boolean("must be true or false");

/** An object with these settings and no others; valibot's own reports only the first unknown one. */
function settings<Entries extends v.ObjectEntries>(entries: Entries) {
  return v.pipe(
    v.looseObject(entries, "must be an object"),
    v.rawCheck(({ dataset, addIssue }) => {
      const input: unknown = dataset.value;
      if (typeof input !== "object" || input === null) return;
      for (const [key, value] of Object.entries(input)) {
        if (Object.hasOwn(entries, key)) continue;
        const place = { type: "object", origin: "key", input: { ...input }, key, value } as const;
        addIssue({ message: "there is no such setting", path: [place] });
      }
    }),
  );
}

const configFile = settings({
  name: v.optional(text),
  folders: v.optional(
    settings({ migrations: v.optional(text), rollbacks: v.optional(text), checks: v.optional(text) }),
  ),
  seed: v.optional(v.array(text, "must be a list")),
  engine: v.optional(
    v.pipe(
      settings({
        url: v.optional(text),
        port: v.optional(
          v.pipe(
            v.number("must be a number"),
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
        v.pipe(v.string(), v.regex(environmentName, "is named in lower case: letters, digits, - and _")),
        settings({ url: v.optional(text), protected: v.optional(flag) }),
        "must be an object",
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
  /** Seed files in the order they run, relative to the project; `*` and `?` stand for any text and any character. */
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
 * @param stateFolder where what is compiled may be kept, if that folder is there
 * @throws InputError `config-ambiguous`, `config-unreadable` or `config-invalid`; the last lists every problem
 */
export async function readConfig(root: string, stateFolder: string): Promise<PantlerConfig> {
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
  const checked = v.safeParse(configFile, await evaluate(file, stateFolder));
  if (checked.success) return checked.output;
  const problems = checked.issues.map((issue) => `${v.getDotPath(issue) ?? "the file"}: ${issue.message}`);
  throw new InputError({
    code: "config-invalid",
    message: `${name} has ${problems.length === 1 ? "a problem" : `${problems.length} problems`}.`,
    detail: problems.join("\n"),
    state: "Nothing was done.",
    remedy: "Mend the lines named above.",
  });
}

async function evaluate(file: string, stateFolder: string): Promise<unknown> {
  try {
    if (file.endsWith(".json")) return parseJson(readFileSync(file, "utf8"));
    if (file.endsWith(".ts")) {
      const { createJiti } = await import("jiti");
      // By default the compiled copy goes to the shared temporary folder, where others could read or replace it.
      const fsCache = existsSync(stateFolder) && join(stateFolder, "cache");
      return await createJiti(import.meta.url, { fsCache, moduleCache: false }).import(file, {
        default: true,
      });
    }
    const module = (await import(pathToFileURL(file).href)) as { default?: unknown };
    return module.default;
  } catch (error) {
    const because = (error instanceof Error ? error.message : String(error)).replaceAll(/\s+/g, " ");
    throw new InputError({
      code: "config-unreadable",
      message: `${file} cannot be read: ${because}`,
      state: "Nothing was done.",
      remedy: "Mend the file; it has to export its settings as default.",
      cause: error,
    });
  }
}

/** Says where the text is not JSON in words of our own: the engine's quote the text, which may hold a password. */
function parseJson(content: string): unknown {
  try {
    return JSON.parse(content.replace(/^\uFEFF/, ""));
  } catch (error) {
    const position = /position (\d+)/.exec(error instanceof Error ? error.message : "")?.[1];
    const before = content.slice(0, Number(position)).split("\n");
    const column = (before.at(-1)?.length ?? 0) + 1;
    throw new Error(`it is not JSON${position ? ` at line ${before.length}, column ${column}` : ""}.`);
  }
}
