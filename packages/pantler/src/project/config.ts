import { existsSync } from "node:fs";
import { join } from "node:path";
import { InputError, messageOf } from "../operation/index.js";
import type { AccessConfig } from "./access-settings.js";
import type { BackupConfig } from "./backup-settings.js";
import { evaluateFile } from "./evaluate-file.js";
import type { UserConfig } from "./test-users.js";

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
  /** A file, relative to the project, that exports what `defineSeed` returns. */
  data?: string | undefined;
  /** Who is nobody, and which test users there are. */
  users?: UserConfig | undefined;
  /** Who is measured in the access matrix, whose a row is, what the API serves. */
  access?: AccessConfig | undefined;
  /** The local server: `url` uses one that runs already, `port` is where ours listens if it is free. */
  engine?: { url?: string | undefined; port?: number | undefined } | undefined;
  /** Where backups are kept and who can read them; an environment may say otherwise, setting by setting. */
  backups?: BackupConfig | undefined;
  /** Deployments; an environment may say otherwise. */
  deploy?: DeployConfig | undefined;
  /** Other databases of this project. Every one but `local` is protected unless it says otherwise. */
  environments?:
    | Record<
        string,
        {
          url?: string | undefined;
          protected?: boolean | undefined;
          backups?: BackupConfig | undefined;
          deploy?: DeployConfig | undefined;
        }
      >
    | undefined;
}

/** What the config may say of deployments. */
export interface DeployConfig {
  /**
   * The hours outside of which a deployment is refused: `02:00-05:00`, in UTC, or with days on which it opens and a time
   * zone, `sat,sun 22:00-05:00 Europe/Berlin`.
   */
  window?: string | undefined;
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
  // Most projects have no such file, and should not wait for what checks it.
  const { checkSettings } = await import("./config-schema.js");
  const checked = checkSettings(await evaluate(file, stateFolder));
  if ("settings" in checked) return checked.settings;
  const { problems } = checked;
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
    return await evaluateFile(file, stateFolder);
  } catch (error) {
    const because = messageOf(error).replaceAll(/\s+/g, " ");
    throw new InputError({
      code: "config-unreadable",
      message: `${file} cannot be read: ${because}`,
      state: "Nothing was done.",
      remedy: "Mend the file; it has to export its settings as default.",
      cause: error,
    });
  }
}
