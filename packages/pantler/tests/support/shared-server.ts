import type { TestProject } from "vitest/node";
import { withScratch } from "../../src/index.js";
import { query } from "./inspect.js";

/**
 * What every test's own database is a copy of. Nobody connects to it, since it could not be copied meanwhile; `postgres` and
 * `template1` are what the tool itself connects to and copies when it makes a database.
 */
export const sharedTemplate = "shared_template";

/** From where databases and roles of tests are made. */
export const sharedDesk = "shared_desk";

declare module "vitest" {
  interface ProvidedContext {
    /** The shared server's bootstrap superuser, in its database `postgres`. */
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
      const superuser = server.superuserUrl.withPassword();
      await query(superuser, `create database ${sharedDesk}`);
      const desk = server.superuserUrl.with({ database: sharedDesk }).withPassword();
      await query(desk, `create database ${sharedTemplate} template postgres owner postgres`);
      project.provide("superuserUrl", superuser);
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
