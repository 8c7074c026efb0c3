import { describe, expect, it } from "vitest";
import { type RehearsalEnvironment, readRehearsalEnvironment } from "../../src/index.js";
import { withClient } from "../../src/postgres/index.js";
import { query } from "../support/inspect.js";
import { type TestProject, withProject } from "../support/project.js";
import { rehearse } from "../support/rehearsing.js";

async function unfaithful(project: TestProject, environment: Partial<RehearsalEnvironment>) {
  return [...(await rehearse(project, {}, { environment })).unfaithful];
}

describe("a rehearsal says why the environment may behave differently", () => {
  it("and has nothing to say of one that is the same", async () => {
    await withProject({}, async (project) => expect(await unfaithful(project, {})).toEqual([]));
  });

  it("where its server is of another major version", async () => {
    await withProject({}, async (project) => {
      const [sentence] = await unfaithful(project, { major: 15, version: "15.8" });
      expect(sentence).toMatch(/^The environment is PostgreSQL 15\.8, the rehearsal ran on 17\.\d+: /);
    });
  });

  it("where its extensions are real, other versions or missing here", async () => {
    await withProject({}, async (project) => {
      await query(project.url, "create extension if not exists pg_net");
      await query(project.url, "create extension if not exists citext");
      const extensions = [
        { name: "citext", version: "1.5", stub: false },
        { name: "pg_net", version: "0.19.5", stub: false },
        { name: "postgis", version: "3.5.0", stub: false },
      ];
      expect(await unfaithful(project, { extensions })).toEqual([
        expect.stringMatching(
          /^The extension citext is 1\.5 in the environment and was 1\.6 in the rehearsal\.$/,
        ),
        "The extension pg_net was a stub in the rehearsal: what calls it was not rehearsed.",
        "The extension postgis 3.5.0 was not there in the rehearsal.",
      ]);
    });
  });

  it("where its roles are others, or may do other things", async () => {
    await withProject({}, async (project) => {
      const roles = [
        { name: "anon", superuser: false, bypassRowSecurity: true },
        { name: "postgres", superuser: true, bypassRowSecurity: true },
        { name: "reporter", superuser: false, bypassRowSecurity: false },
      ];
      expect(await unfaithful(project, { roles, role: "reporter" })).toEqual([
        "The role reporter was not there in the rehearsal.",
        "Row security does not bind the role anon in the environment, and did in the rehearsal.",
        "The role postgres is a superuser in the environment and was none in the rehearsal.",
        "The environment is changed as reporter; the rehearsal ran as postgres, whose rights and whose ownership of what is made may differ.",
      ]);
    });
  });

  it("where its settings are others", async () => {
    await withProject({}, async (project) => {
      const here = await withClient(project.target.url, readRehearsalEnvironment);
      const settings = { ...here.settings, TimeZone: "Asia/Bangkok", "the collation": "libc en_US.UTF-8" };
      expect((await unfaithful(project, { settings })).sort()).toEqual([
        'The collation is "libc en_US.UTF-8" in the environment and was "builtin C.UTF-8" in the rehearsal.',
        'TimeZone is "Asia/Bangkok" in the environment and was "UTC" in the rehearsal.',
      ]);
    });
  });
});
