import { InputError, messageOf } from "../../operation/index.js";
import { evaluateFile, type Project, pathInProject } from "../../project/index.js";
import { defineSeed, type SeedDefinition } from "./definition.js";

/**
 * Reads the project's seed definition. `import { defineSeed } from "pantler"` works in it whether or not the package is
 * installed in the project.
 * @returns undefined for a project without one
 * @throws InputError `data-unreadable`, `data-invalid`
 */
export async function readDefinition(project: Project): Promise<SeedDefinition | undefined> {
  if (project.data === undefined) return undefined;
  const shown = pathInProject(project, project.data);
  let exported: unknown;
  try {
    exported = await evaluateFile(project.data, project.stateFolder, { pantler: { defineSeed } });
  } catch (error) {
    throw new InputError({
      code: "data-unreadable",
      message: `${shown} cannot be read: ${messageOf(error).replaceAll(/\s+/g, " ")}`,
      state: "Nothing was done.",
      remedy: "Mend the file, or data in the config.",
      cause: error,
    });
  }
  if (isDefinition(exported)) return exported;
  throw new InputError({
    code: "data-invalid",
    message: `${shown} does not export a seed definition as default.`,
    state: "Nothing was done.",
    remedy: "export default defineSeed({ tables: { … } })",
  });
}

function isDefinition(exported: unknown): exported is SeedDefinition {
  if (typeof exported !== "object" || exported === null || !("tables" in exported)) return false;
  const { tables } = exported;
  return (
    typeof tables === "object" &&
    tables !== null &&
    Object.values(tables).every(
      (table: unknown) => typeof table === "object" && table !== null && "rows" in table,
    )
  );
}
