import { Command, InvalidArgumentError, Option } from "commander";
import type { Operation, PantlerError, Project, Target } from "../index.js";
import { createOutput, type Output, type Paint, paintFor } from "./output.js";

/** The options that every command has. */
export interface SharedOptions {
  readonly project?: string;
  readonly env: string;
  readonly json?: boolean;
  readonly yes?: boolean;
  readonly confirm?: string;
  readonly verbose?: boolean;
  readonly color: boolean;
}

/** What a command works with, once its words are parsed. */
export interface CommandContext<Options> {
  readonly options: Options & SharedOptions;
  readonly project: Project;
  readonly output: Output;
  /** Colours for stdout. */
  readonly paint: Paint;
  /** Finds the database of `--env`, or of the environment that is named. */
  readonly target: (environment?: string) => Promise<Target>;
  /**
   * Runs work that reports itself to the terminal or as JSON, and into the journal where the operation changes
   * something. Work that can be interrupted asks for a signal, which Ctrl-C then aborts; other work simply ends.
   */
  readonly operate: <Result>(
    journal: string | undefined,
    work: (operation: Operation, interrupt: () => AbortSignal) => Promise<Result>,
    environment?: string,
  ) => Promise<Result>;
}

/** What the process ends with; commands write it here, the bin file reads it. */
export interface Ending {
  code: number;
}

/**
 * Makes a command with the shared options.
 * @param more what else its help should say, below the options
 */
export function defineCommand(name: string, summary: string, example: string, more?: string): Command {
  return new Command(name)
    .description(summary)
    .addHelpText("after", `${more === undefined ? "" : `\n${more}\n`}\nExample:\n  ${example}`)
    .option("--project <folder>", "the project's folder (default: the nearest one upwards)")
    .option("--env <name>", "the environment to work on", "local")
    .option("--json", "one JSON object per line on stdout, the last one the result")
    .option("--yes", "answer ordinary questions with yes")
    .option("--confirm <phrase>", "the typed confirmation that protected environments ask for")
    .option("--verbose", "show stack traces of errors")
    .option("--no-color", "no colours");
}

/**
 * Refuses another environment than the local one, for commands that concern nothing else.
 * @throws InputError `only-local`
 */
export async function requireLocal(command: string, environment: string): Promise<void> {
  if (environment === "local") return;
  const { InputError } = await import("../operation/index.js");
  throw new InputError({
    code: "only-local",
    message: `pantler ${command} concerns the local database only.`,
    state: "Nothing was done.",
    remedy: "Leave --env out.",
  });
}

/** An option whose value is a whole number, from 1 unless said otherwise. */
export function countOption(flags: string, description: string, least: 0 | 1 = 1): Option {
  return new Option(flags, description).argParser((text: string) => {
    const count = /^(0|[1-9]\d{0,5})$/.test(text) ? Number(text) : -1;
    if (count >= least) return count;
    throw new InvalidArgumentError(`It has to be a whole number from ${least}.`);
  });
}

/** An option whose value is a list of tables. Given more than once the lists are put together. */
export function tablesOption(description: string): Option {
  return new Option("--tables <names>", description).argParser((text: string, before?: string[]) => {
    const names = text.split(",").map((name) => name.trim());
    if (names.every((name) => name !== "")) return [...(before ?? []), ...names];
    throw new InvalidArgumentError("It has to be names of tables with commas between: contacts,sales.orders");
  });
}

/**
 * Gives a command its work. The work returns the exit code where it is not 0; what it throws on purpose is
 * rendered, and decides the exit code.
 */
export function act<Options>(
  command: Command,
  ending: Ending,
  work: (context: CommandContext<Options>, ...words: string[]) => Promise<number | undefined>,
): Command {
  return command.action(async (...received: unknown[]) => {
    const words = received.slice(0, -2).map(String);
    const options = command.opts<Options & SharedOptions>();
    const output = createOutput({
      json: options.json ?? false,
      color: options.color,
      verbose: options.verbose ?? false,
    });
    const { PantlerError } = await import("../operation/index.js");
    try {
      ending.code = (await work(await createContext(options, output), ...words)) ?? 0;
    } catch (error) {
      const problem = error instanceof PantlerError ? error : unexpected(error, PantlerError);
      output.failure(problem);
      ending.code = problem.exit;
    }
  });
}

async function createContext<Options>(
  options: Options & SharedOptions,
  output: Output,
): Promise<CommandContext<Options>> {
  const { openProject } = await import("../project/index.js");
  const project = await openProject({ folder: options.project, from: process.cwd(), variables: process.env });
  return {
    options,
    project,
    output,
    paint: paintFor(process.stdout, options.color),
    target: async (environment = options.env) => {
      const { locateTarget } = await import("../engine/index.js");
      return await locateTarget(project, environment);
    },
    operate: async (journal, work, environment = options.env) =>
      await operate(project, environment, output, journal, work),
  };
}

async function operate<Result>(
  project: Project,
  environment: string,
  output: Output,
  name: string | undefined,
  work: (operation: Operation, interrupt: () => AbortSignal) => Promise<Result>,
): Promise<Result> {
  const { Operation, openJournal } = await import("../operation/index.js");
  const { makeStateFolder } = await import("../project/index.js");
  const journal =
    name === undefined
      ? undefined
      : openJournal(`${makeStateFolder(project)}/journal`, name.replaceAll(" ", "-"), { environment });
  const controller = new AbortController();
  const abort = () => controller.abort();
  const signals = ["SIGINT", "SIGTERM"] as const;
  const interrupt = () => {
    // Once only: whoever presses Ctrl-C again does not want to wait.
    for (const name of signals) process.once(name, abort);
    return controller.signal;
  };
  const close = (outcome: Record<string, unknown>) => {
    try {
      journal?.close(outcome);
    } catch (error) {
      process.stderr.write(`The journal ${journal?.file} is incomplete: ${String(error)}\n`);
    }
  };
  try {
    const operation = new Operation(output.listener, ...(journal ? [journal.record] : []));
    const result = await work(operation, interrupt);
    close({ outcome: "done" });
    return result;
  } catch (error) {
    close({ outcome: "failed", error: error instanceof Error ? error.message : String(error) });
    throw error;
  } finally {
    for (const name of signals) process.off(name, abort);
  }
}

/** An error nobody foresaw: it is shown as it is, and asks to be reported. */
function unexpected(error: unknown, base: typeof PantlerError): PantlerError {
  class UnexpectedError extends base {
    readonly exit = 6;
  }
  return new UnexpectedError({
    code: "unexpected",
    message: error instanceof Error ? error.message : String(error),
    state: "What was done until then is not known; look with pantler status and pantler migration list.",
    remedy: "Run it again with --verbose, and report what it shows.",
    cause: error,
  });
}
