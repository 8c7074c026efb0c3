import { locateTarget, openProject, type Target } from "../../src/index.js";

/** The database of an environment of the project in a folder. */
export async function targetOf(root: string, environment: string): Promise<Target> {
  return await locateTarget(await openProject({ from: root, variables: {} }), environment);
}
