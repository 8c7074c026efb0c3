import { describe, expect, it } from "vitest";
import { type AccessFinding, accessRules, DatabaseUrl, lintAccess, Operation } from "../../src/index.js";
import { accessFixtures, adaAndBen } from "../support/access-fixtures.js";
import { query } from "../support/inspect.js";
import { withProject } from "../support/project.js";

/** Lints a database of its own in which some SQL was run. */
async function lintOf(sql: string): Promise<readonly AccessFinding[]> {
  let findings: readonly AccessFinding[] = [];
  await withProject({}, async ({ url, target }) => {
    await query(url, adaAndBen);
    await query(url, sql);
    const lint = await lintAccess(DatabaseUrl.parse(url, "the test"), target.project, new Operation());
    findings = lint.findings;
  });
  return findings;
}

const isGrave = ({ level }: AccessFinding) => level !== "info";

describe("access lint", () => {
  const leaky = accessFixtures("leaky");
  const sound = accessFixtures("sound");

  it("has at least twenty-five leaky schemas and ten sound ones to prove itself on", () => {
    expect(leaky.length).toBeGreaterThanOrEqual(25);
    expect(sound.length).toBeGreaterThanOrEqual(10);
  });

  it.concurrent.each(leaky)("finds in $name that $about", async ({ sql, rules }) => {
    const findings = await lintOf(sql);
    const found = new Set(findings.map(({ rule }) => rule));
    expect([...found]).toEqual(expect.arrayContaining([...rules]));
    const grave = new Set(findings.filter(isGrave).map(({ rule }) => rule));
    expect([...grave].filter((rule) => !rules.includes(rule))).toEqual([]);
    for (const { message, remedy, rule } of findings) {
      expect(message).toMatch(/\.$/);
      expect(remedy).not.toBe("");
      expect(accessRules).toHaveProperty(rule);
    }
  });

  it.concurrent.each(sound)("finds nothing wrong with $about ($name)", async ({ sql }) => {
    expect((await lintOf(sql)).filter(isGrave)).toEqual([]);
  });
});
