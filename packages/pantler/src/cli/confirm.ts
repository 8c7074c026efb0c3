import { RefusedError } from "../operation/index.js";
import type { SharedOptions } from "./command.js";

/** Whether there is somebody to ask. */
export function canAsk(options: SharedOptions): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true && !options.json;
}

/**
 * Asks an ordinary question. Without a terminal, and without `--yes`, the answer is no.
 * @throws RefusedError `not-confirmed`
 */
export async function confirm(question: string, options: SharedOptions): Promise<void> {
  if (options.yes) return;
  if (canAsk(options)) {
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

/**
 * Asks for a phrase to be typed by somebody who means it. `--confirm` gives it where nobody can be asked; `--yes` never
 * does.
 * @param warning what will happen, in a sentence
 * @returns the phrase
 * @throws RefusedError `not-confirmed`
 */
export async function confirmByTyping(
  phrase: string,
  warning: string,
  options: SharedOptions,
): Promise<string> {
  if (options.confirm === phrase) return phrase;
  if (options.confirm === undefined && canAsk(options)) {
    const prompts = await import("@clack/prompts");
    prompts.log.warn(warning, { output: process.stderr });
    const answer = await prompts.text({ message: `Type ${phrase} to go on:`, output: process.stderr });
    if (answer === phrase) return phrase;
  }
  throw notConfirmed(phrase, warning);
}

/**
 * The error of what nobody has confirmed.
 * @param phrase what has to be typed
 * @param warning what would happen, in a sentence
 */
export function notConfirmed(phrase: string, warning: string): RefusedError {
  return new RefusedError({
    code: "not-confirmed",
    message: `Not confirmed: ${warning}`,
    state: "Nothing was done.",
    remedy: `Confirm it: --confirm ${inShell(phrase)}`,
  });
}

/** A word as a shell takes it. */
function inShell(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
