import { RefusedError } from "../operation/index.js";
import type { SharedOptions } from "./command.js";

/**
 * Asks an ordinary question. Without a terminal, and without `--yes`, the answer is no.
 * @throws RefusedError `not-confirmed`
 */
export async function confirm(question: string, options: SharedOptions): Promise<void> {
  if (options.yes) return;
  if (process.stdin.isTTY && process.stderr.isTTY && !options.json) {
    const prompts = await import("@clack/prompts");
    const answer = await prompts.confirm({ message: question, initialValue: false, output: process.stderr });
    if (answer === true) return;
  }
  throw new RefusedError({
    code: "not-confirmed",
    message: `Not confirmed: ${question}`,
    state: "Nothing was done.",
    remedy: "Answer yes, or run it with --yes.",
  });
}
