import { afterAll, beforeAll } from "vitest";
import { type TestProject, withProject } from "./project.js";

/**
 * Keeps one project and its database for all tests of a file, which only read it.
 * @param prepare fills it
 * @returns tells the project, inside a test
 */
export function keepProject(prepare: (project: TestProject) => Promise<void>): () => TestProject {
  let kept: TestProject | undefined;
  let finish = () => {};
  let ended: Promise<void> = Promise.resolve();
  beforeAll(async () => {
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    await new Promise<void>((ready, failed) => {
      ended = withProject({}, async (project) => {
        await prepare(project);
        kept = project;
        ready();
        await finished;
      });
      ended.catch(failed);
    });
  });
  afterAll(async () => {
    finish();
    await ended;
  });
  return () => {
    if (!kept) throw new Error("the project is there once the tests begin");
    return kept;
  };
}
