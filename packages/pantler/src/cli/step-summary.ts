import type { PantlerError } from "../operation/index.js";

/** Shows a report beside the run of a GitHub workflow, where it is one that runs this. */
export async function summarize(render: () => string | Promise<string>): Promise<void> {
  const { GITHUB_STEP_SUMMARY: summary } = process.env;
  if (!summary) return;
  const { appendFile } = await import("node:fs/promises");
  await appendFile(summary, `${await render()}\n`);
}

/**
 * Does work, and shows beside the run why it failed.
 * @param title what did not happen
 */
export async function summarizingFailure<Result>(
  title: string,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const { PantlerError } = await import("../operation/index.js");
    if (error instanceof PantlerError) await summarize(() => failureReport(title, error));
    throw error;
  }
}

function failureReport(title: string, { message, detail, state, remedy, code }: PantlerError): string {
  const fence = "```";
  const longer = detail === undefined ? [] : [fence, detail, fence, ""];
  return [`# ${title}`, "", `${message} (${code})`, "", ...longer, state, "", remedy, ""].join("\n");
}
