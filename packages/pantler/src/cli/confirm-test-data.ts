import type { Target } from "../index.js";
import type { SharedOptions } from "./command.js";

/**
 * Asks for the environment's exact name where it is protected or holds real users.
 * @returns the name, or undefined where nothing speaks against test data
 * @throws RefusedError `not-confirmed`
 */
export async function confirmTestData(target: Target, options: SharedOptions): Promise<string | undefined> {
  const { findSeedHazard, hazardInWords } = await import("../environments/index.js");
  const { confirmByTyping } = await import("./confirm.js");
  const hazard = await findSeedHazard(target);
  if (!hazard) return undefined;
  const { name } = target.environment;
  return await confirmByTyping(name, hazardInWords(name, hazard), options);
}
