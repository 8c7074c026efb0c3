import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/**
 * Evaluates a file of TypeScript, JavaScript or JSON.
 * @param stateFolder where what is compiled may be kept, if that folder is there
 * @param modules what `import` finds under these names, whether or not it is installed
 * @returns what it exports as default
 */
export async function evaluateFile(
  file: string,
  stateFolder: string,
  modules: Readonly<Record<string, unknown>> = {},
): Promise<unknown> {
  if (file.endsWith(".json")) return parseJson(readFileSync(file, "utf8"));
  if (file.endsWith(".ts")) {
    const { createJiti } = await import("jiti");
    // By default the compiled copy goes to the shared temporary folder, where others could read or replace it.
    const fsCache = existsSync(stateFolder) && join(stateFolder, "cache");
    const jiti = createJiti(import.meta.url, { fsCache, moduleCache: false, virtualModules: { ...modules } });
    return await jiti.import(file, { default: true });
  }
  const module = (await import(pathToFileURL(file).href)) as { default?: unknown };
  return module.default;
}

/** Says where the text is not JSON in words of our own: the engine's quote the text, which may hold a password. */
function parseJson(content: string): unknown {
  try {
    return JSON.parse(content.replace(/^\uFEFF/, ""));
  } catch (error) {
    const position = /position (\d+)/.exec(error instanceof Error ? error.message : "")?.[1];
    const before = content.slice(0, Number(position)).split("\n");
    const column = (before.at(-1)?.length ?? 0) + 1;
    throw new Error(`it is not JSON${position ? ` at line ${before.length}, column ${column}` : ""}.`);
  }
}
