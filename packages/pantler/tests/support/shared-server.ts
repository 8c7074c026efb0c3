import type { TestProject } from "vitest/node";
import { withScratch } from "../../src/index.js";

declare module "vitest" {
  interface ProvidedContext {
    /** The shared server's bootstrap superuser; its database `postgres` is the template of every test's own. */
    readonly superuserUrl: string;
  }
}

/** Starts the server that the fast tests share, and removes it when they are done. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  let finish = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  let ended: Promise<void> = Promise.resolve();
  await new Promise<void>((ready, failed) => {
    ended = withScratch(async (server) => {
      project.provide("superuserUrl", server.superuserUrl.withPassword());
      ready();
      await finished;
    });
    ended.catch(failed);
  });
  return async () => {
    finish();
    await ended;
  };
}
