import { EnvironmentError } from "../operation/index.js";
import { type DatabaseUrl, type Environment, environmentOf, type Project } from "../project/index.js";
import { startServer } from "./local-server.js";

/** An environment of a project whose address is known. */
export interface Target {
  readonly project: Project;
  readonly environment: Environment;
  readonly url: DatabaseUrl;
}

/**
 * A database that is named by its address alone. As nothing is known of it, it is protected.
 * @param like the environment whose backup settings hold for it
 */
export function adHocTarget(project: Project, url: DatabaseUrl, like: Environment): Target {
  const environment: Environment = {
    name: url.database,
    protected: true,
    url,
    origin: "an address that was given",
    problem: undefined,
    backups: like.backups,
    window: undefined,
  };
  return { project, environment, url };
}

/**
 * Finds the database of an environment. The local server is started if it does not run.
 * @throws InputError `environment-unknown`
 * @throws EnvironmentError `url-missing`, and what starting the local server throws
 */
export async function locateTarget(project: Project, name: string): Promise<Target> {
  const environment = environmentOf(project, name);
  if (environment.name === "local") {
    return { project, environment, url: (await startServer(project)).url };
  }
  if (environment.url) return { project, environment, url: environment.url };
  throw new EnvironmentError({
    code: "url-missing",
    message: `The address of ${name} is not known.`,
    state: "Nothing was done.",
    remedy: `Set ${environment.origin}.`,
  });
}
