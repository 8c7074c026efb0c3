import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { act, type CommandContext, defineCommand, type Ending } from "../command.js";

interface Options {
  readonly check?: boolean;
  readonly write?: boolean;
  readonly markdown?: string;
  readonly html?: string;
  readonly table?: readonly string[];
}

/** Where what was agreed on is kept, in the project's folder. */
const snapshotName = "access.snapshot.json";

/** What a line may take where nobody can tell. */
const usualWidth = 100;

export function accessMatrixCommand(ending: Ending): Command {
  const command = defineCommand(
    "matrix",
    "Measure who can see and change what: each identity tries it, and all of it is rolled back.",
    "pantler access matrix --check",
    `What is agreed on is kept in ${snapshotName}; with --check it ends with 1 when something is different.`,
  )
    .option("--check", `compare with ${snapshotName}: any difference is an error`)
    .option("--write", `write ${snapshotName}: this is what is agreed on`)
    .option("--markdown <file>", "write the matrix as Markdown")
    .option("--html <file>", "write the matrix as a page of its own")
    .option(
      "--table <name>",
      "only this table or view; can be repeated",
      (name: string, before?: string[]) => [...(before ?? []), name],
    );
  return act<Options>(command, ending, async (context) => {
    const { options, project, output, paint } = context;
    const access = await import("../../access/index.js");
    const { matrixFields, renderChanges, renderMatrix } = await import("../render-access-matrix.js");
    const file = join(project.root, snapshotName);
    const agreed = access.readSnapshot(file);
    await refuseWords(options, agreed !== undefined);
    const target = await startedTarget(context);
    const request = { relations: options.table };
    const matrix = await context.operate(undefined, (operation, interrupt) =>
      access.measureAccess(target.url, project, request, operation, interrupt()),
    );
    const snapshot = access.snapshotOf(matrix);
    const changes =
      agreed && access.compareAccess(access.onlyRelations(agreed, options.table && snapshot), snapshot);
    await save(options.markdown, () => access.renderMatrixMarkdown(matrix, project.name));
    await save(options.html, () => access.renderMatrixHtml(matrix, project.name));
    if (options.write) access.writeSnapshot(file, snapshot);
    const isAgreed = !options.check || changes?.some(({ fails }) => fails) !== true;
    output.result(matrixFields(matrix, changes, isAgreed), () => {
      const width = process.stdout.columns ?? usualWidth;
      const parts = options.check ? [] : [renderMatrix(matrix, paint, width)];
      if (changes) parts.push(renderChanges(changes, paint));
      if (options.write) parts.push(`${paint.good("✓")} ${snapshotName} was written`);
      else if (!agreed) parts.push(paint.dim(`nothing is agreed on yet: pantler access matrix --write`));
      return parts.join("\n\n");
    });
    return isAgreed ? 0 : 1;
  });
}

/** @throws InputError `snapshot-missing`, `snapshot-partial` */
async function refuseWords({ check, write, table }: Options, isAgreed: boolean): Promise<void> {
  const { InputError } = await import("../../operation/index.js");
  if (check && !isAgreed) {
    throw new InputError({
      code: "snapshot-missing",
      message: `There is no ${snapshotName} to compare with.`,
      state: "Nothing was done.",
      remedy: "Write down what is agreed on first: pantler access matrix --write",
    });
  }
  if (write && table !== undefined) {
    throw new InputError({
      code: "snapshot-partial",
      message: "A snapshot holds every table; --write does not go with --table.",
      state: "Nothing was done.",
      remedy: "Leave --table out.",
    });
  }
}

/** @throws InputError `file-unwritable` */
async function save(file: string | undefined, text: () => string): Promise<void> {
  if (file === undefined) return;
  try {
    writeFileSync(file, text());
  } catch (error) {
    const { InputError, messageOf } = await import("../../operation/index.js");
    throw new InputError({
      code: "file-unwritable",
      message: `${file} cannot be written: ${messageOf(error)}.`,
      state: "The database was only looked at.",
      remedy: "Name a file in a folder that is there and writable.",
      cause: error,
    });
  }
}

/** The local database is brought up as `pantler start` does, so that a clean checkout can be measured. */
async function startedTarget({ options, project, operate, target }: CommandContext<Options>) {
  if (options.env === "local") {
    const { startLocal } = await import("../../environments/index.js");
    await operate(undefined, (operation, interrupt) => startLocal(project, operation, interrupt()));
  }
  return await target();
}
