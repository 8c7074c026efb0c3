import type { Target } from "../../engine/index.js";
import { seedDatabase } from "../../migrations/index.js";
import {
  InputError,
  messageOf,
  type Operation,
  PantlerError,
  stopWhenAborted,
  UnchangedError,
} from "../../operation/index.js";
import {
  type Client,
  cancelOnAbort,
  isConnectionLoss,
  refuseTransactionPooler,
  requireServer,
  sqlstateOf,
  sqlstates,
  takeDeploymentLock,
  withClient,
} from "../../postgres/index.js";
import type { SeedDefinition, SeedUser } from "../generate/definition.js";
import { generateRows } from "../generate/generate-rows.js";
import type { GeneratedTable } from "../generate/generation.js";
import { readDefinition } from "../generate/read-definition.js";
import { emptyProject } from "../reset/empty.js";
import { type CreatedUser, createUsers } from "./auth-users.js";
import { refuseRealUsers } from "./real-users.js";

/** How test data is asked for. */
export interface TestDataRequest {
  /** The exact name of the environment, where it is protected or holds real users. */
  readonly confirmed?: string | undefined;
  /** How many times as much data as the definition says; 1 unless said otherwise. */
  readonly scale?: number | undefined;
  /** Takes out all rows, and the test users, before: in the same transaction, so that it is never empty. */
  readonly empty?: boolean | undefined;
}

export interface TestData {
  readonly users: readonly CreatedUser[];
  readonly tables: readonly GeneratedTable[];
}

const nothingKept = "Nothing was kept.";

/**
 * Makes the project's test users and the rows that its seed definition gives them, in one transaction. What is there
 * already stays as it is, so that a second run changes nothing.
 * @param signal interrupts the work, which is then rolled back
 * @throws RefusedError `real-users` unless the environment's name confirms it, `deployment-running`
 * @throws InputError `test-users-missing`, and what reading the definition and making rows throw
 * @throws UnchangedError `test-data-failed`, `interrupted`
 */
export async function createTestUsers(
  target: Target,
  request: TestDataRequest,
  operation: Operation,
  signal?: AbortSignal,
): Promise<TestData> {
  if (target.project.users.test.length === 0) throw noTestUsers();
  return await writeTestData(target, request, operation, signal);
}

/**
 * Runs the project's seed files, then makes its test users and their rows, `scale` times as many.
 * @param request.files whether the seed files run; they do unless said otherwise
 * @returns what was made, and the files that ran
 * @throws what `createTestUsers` and running seed files throw
 */
export async function seedEnvironment(
  target: Target,
  request: TestDataRequest & { readonly files?: boolean },
  operation: Operation,
  signal?: AbortSignal,
): Promise<TestData & { readonly files: readonly string[] }> {
  await withClient(target.url, async (client) => await refuseRealUsers(client, target, request.confirmed));
  const files = request.files === false ? [] : await seedDatabase(target, operation, signal);
  const data = await writeTestData(target, request, operation, signal);
  return { ...data, files };
}

async function writeTestData(
  target: Target,
  request: TestDataRequest,
  operation: Operation,
  signal: AbortSignal | undefined,
): Promise<TestData> {
  const definition = await readDefinition(target.project);
  refuseTransactionPooler(target.url);
  return await withClient(target.url, async (client) => {
    await requireServer(client, target.url);
    await refuseRealUsers(client, target, request.confirmed);
    await takeDeploymentLock(client);
    const stopListening = await cancelOnAbort(client, target.url, signal);
    try {
      stopWhenAborted(signal, nothingKept);
      await client.query("begin");
      if (request.empty) {
        await operation.step("empty the tables", () => emptyProject(client, target.project));
      }
      const users = await operation.step("create the test users", async (step) => {
        const made = await createUsers(client, target.project.users.test, target.project.users.password);
        const created = made.filter(({ outcome }) => outcome === "created").length;
        step.note(created === 0 ? "they are there already" : `${created} of ${made.length}`);
        return made;
      });
      const tables = definition
        ? await operation.step("generate their data", async (step) => {
            const made = await addRows(client, definition, users, request.scale);
            step.note(rowsInWords(made));
            return made;
          })
        : [];
      stopWhenAborted(signal, nothingKept);
      await client.query("commit");
      return { users, tables };
    } catch (error) {
      stopWhenAborted(signal, nothingKept, error);
      throw failed(error);
    } finally {
      stopListening();
    }
  });
}

async function addRows(
  client: Client,
  definition: SeedDefinition,
  users: readonly SeedUser[],
  scale = 1,
): Promise<GeneratedTable[]> {
  if (definition.before !== undefined) await client.query(definition.before);
  return await generateRows(client, { definition, users, scale });
}

function rowsInWords(tables: readonly GeneratedTable[]): string {
  const added = tables.reduce((sum, table) => sum + table.added, 0);
  return added === 0 ? "it is there already" : `${added.toLocaleString("en-US")} rows`;
}

/** What the server refused, in words; every other error as it is. */
function failed(error: unknown): unknown {
  const sqlstate = sqlstateOf(error);
  if (error instanceof PantlerError || sqlstate === undefined) return error;
  // These two tell of the environment, not of the data.
  if (sqlstate === sqlstates.insufficientPrivilege || isConnectionLoss(error)) return error;
  return new UnchangedError({
    code: "test-data-failed",
    message: `The server refused the test data: ${messageOf(error)} (${sqlstate})`,
    ...(detailOf(error) ? { detail: detailOf(error) ?? "" } : {}),
    state: nothingKept,
    remedy: "Declare the columns it is about in the seed definition.",
    sqlstate,
    cause: error,
  });
}

function detailOf(error: unknown): string | undefined {
  return error instanceof Error && "detail" in error && typeof error.detail === "string"
    ? error.detail
    : undefined;
}

function noTestUsers(): InputError {
  return new InputError({
    code: "test-users-missing",
    message: "The config declares no test users.",
    state: "Nothing was done.",
    remedy: "Declare them: users: { test: [{ role, name, email }] }, see docs/configuration.md.",
  });
}
