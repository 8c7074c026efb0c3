import { describe, expect, it } from "vitest";
import { type Environment, openProject } from "../../src/index.js";
import { isInWindow } from "../../src/project/index.js";
import { failure } from "../support/failure.js";
import { withFolder } from "../support/project.js";

async function productionWith(config: object): Promise<Environment | undefined> {
  let found: Environment | undefined;
  const files = { "supabase/config.toml": "", "pantler.config.json": JSON.stringify(config) };
  await withFolder(files, async (root) => {
    const { environments } = await openProject({ from: root, variables: {} });
    found = environments.find(({ name }) => name === "production");
  });
  return found;
}

/** Which of these moments, in UTC, lie inside a window. */
async function inside(window: string, moments: readonly string[]): Promise<string[]> {
  const environment = await productionWith({ deploy: { window }, environments: { production: {} } });
  const parsed = environment?.window;
  if (!parsed) throw new Error("the environment has a window");
  return moments.filter((moment) => isInWindow(parsed, new Date(`${moment}Z`)));
}

describe("the hours of deployments", () => {
  it("begin with their first minute and end before their last", async () => {
    const moments = ["2026-03-02T01:59", "2026-03-02T02:00", "2026-03-02T04:59", "2026-03-02T05:00"];
    expect(await inside("02:00-05:00", moments)).toEqual(["2026-03-02T02:00", "2026-03-02T04:59"]);
  });

  it("that end the next day belong to the day on which they began", async () => {
    // The 6th of March 2026 is a Friday.
    const moments = ["2026-03-06T23:30", "2026-03-07T01:30", "2026-03-07T23:30", "2026-03-08T01:30"];
    expect(await inside("fri 22:00-05:00", moments)).toEqual(["2026-03-06T23:30", "2026-03-07T01:30"]);
    expect(await inside("sat,sun 22:00-05:00", moments)).toEqual(["2026-03-07T23:30", "2026-03-08T01:30"]);
  });

  it("are those of their time zone, in summer and in winter", async () => {
    const moments = ["2026-01-10T21:30", "2026-01-10T20:30", "2026-07-10T20:30", "2026-07-10T19:30"];
    expect(await inside("22:00-23:00 Europe/Berlin", moments)).toEqual([
      "2026-01-10T21:30",
      "2026-07-10T20:30",
    ]);
  });

  it("of an environment take the place of those of the project", async () => {
    const config = {
      deploy: { window: "02:00-05:00" },
      environments: { production: { deploy: { window: "03:00-04:00" } } },
    };
    expect((await productionWith(config))?.window?.text).toBe("03:00-04:00");
  });

  it.each([
    "2-5",
    "02:00",
    "25:00-26:00",
    "02:00-02:00",
    "funday 02:00-05:00",
    "02:00-05:00 Middle/Earth",
    "",
  ])("that nobody can read, such as %j, are refused with the config", async (window) => {
    const error = await failure(productionWith({ deploy: { window } }));
    expect(error).toMatchObject({ code: "config-invalid", exit: 2 });
    expect(error.detail).toContain("deploy.window: must");
  });
});
