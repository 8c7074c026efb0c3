import { EnvironmentError, messageOf, type Operation } from "../../operation/index.js";
import {
  cancelOnAbort,
  quoteIdentifier,
  requireServer,
  sqlstateOf,
  sqlstates,
  withClient,
} from "../../postgres/index.js";
import type { DatabaseUrl, Project } from "../../project/index.js";
import type { AccessIdentity, KnownIdentities } from "../identities.js";
import type { RelationFacts } from "./facts.js";
import { callFunctions } from "./functions.js";
import { type Ground, prepare, searchPathOf } from "./ground.js";
import type {
  AccessMatrix,
  CallVerdict,
  Cell,
  MatrixIdentity,
  MatrixRequest,
  MeasuredFunction,
  MeasuredRelation,
} from "./matrix.js";
import { measurePair, undecidedCell } from "./measure-pair.js";
import type { Pair } from "./pair.js";
import { Disturbed, ProbeSession } from "./probe-session.js";

/**
 * Measures who can see and change what: each identity tries it on each table and view that the API serves, in
 * transactions that are always rolled back. Nothing is ever written, no trigger after a row runs that reaches outside, no
 * sequence gives a number away.
 * @throws InputError `relation-unknown`, `identity-unknown`
 * @throws EnvironmentError `role-out-of-reach` when the connection's role may not become one that is measured,
 * `relation-locked`
 * @throws UnchangedError `interrupted`
 */
export async function measureAccess(
  url: DatabaseUrl,
  project: Project,
  request: MatrixRequest,
  operation: Operation,
  signal?: AbortSignal,
): Promise<AccessMatrix> {
  return await withClient(url, async (client) => {
    await requireServer(client, url);
    const stopWatching = await cancelOnAbort(client, url, signal);
    try {
      const session = new ProbeSession(client, searchPathOf(project), signal);
      const ground = await operation.step("read grants and policies", () =>
        prepare(session, url, project, request).catch((error: unknown) => {
          throw error instanceof Disturbed ? locked(error) : error;
        }),
      );
      return await measure(ground, operation);
    } finally {
      stopWatching();
    }
  });
}

function locked(cause: Disturbed): EnvironmentError {
  return new EnvironmentError({
    code: "relation-locked",
    message: "Somebody holds a table in a way that keeps even the catalog's readers out.",
    state: "Nothing was done.",
    remedy: "Run it again when migrations and maintenance are through.",
    cause,
  });
}

async function measure(ground: Ground, operation: Operation): Promise<AccessMatrix> {
  const { session, known, relations, functions, reach } = ground;
  const measured = await operation.step("try what each identity may do", async (step) => {
    const total = relations.length * known.identities.length;
    let done = 0;
    const found: MeasuredRelation[] = [];
    for (const relation of relations) {
      const cells: Record<string, Cell> = {};
      for (const identity of known.identities) {
        cells[identity.name] = await measureCell(pairOf(ground, relation, identity));
        done += 1;
        step.progress(done, total, "cells");
      }
      found.push(measuredRelation(relation, cells));
    }
    step.note(`${relations.length} tables and views as ${known.identities.length} identities`);
    return found;
  });
  const calls = await operation.step("call the functions that the API serves", async (step) => {
    if (functions.length === 0) step.skip("there are none");
    const found = new Map<string, readonly CallVerdict[]>();
    for (const identity of known.identities) {
      found.set(identity.name, await callFunctions(session, functions, identity, reach));
    }
    return found;
  });
  return {
    identities: [...known.identities.map((each) => identityOf(ground, each)), ...known.missing.map(missing)],
    relations: measured,
    functions: functions.map((each, at): MeasuredFunction => {
      const { title, definer, definition } = each;
      const verdicts = [...calls].flatMap(([name, found]) => (found[at] ? [[name, found[at]] as const] : []));
      return { name: title, definer, definition, calls: Object.fromEntries(verdicts) };
    }),
    notes: known.missing.map(
      ({ name, email }) =>
        `${name} could not be measured: auth.users holds nobody with the address ${email}.`,
    ),
  };
}

async function measureCell(pair: Pair): Promise<Cell> {
  try {
    return await measurePair(pair);
  } catch (error) {
    if (error instanceof Disturbed) {
      return undecidedCell(pair, `others worked on it all the time: ${error.message}`);
    }
    const state = sqlstateOf(error);
    // What the session's own role may not read, or what takes it too long, says nothing of the identity.
    if (state === sqlstates.insufficientPrivilege || state === sqlstates.queryCanceled) {
      const why = messageOf(error);
      return undecidedCell(pair, `the connection's role could not look: ${why}`);
    }
    throw error;
  }
}

function pairOf(ground: Ground, relation: RelationFacts, identity: AccessIdentity): Pair {
  const { session, reach, ownership, roles, rights } = ground;
  const held = rights.get(roles.get(identity.name) ?? "")?.get(relation.oid);
  if (!held) throw new Error(`no rights were read of ${relation.schema}.${relation.name}`);
  return {
    session,
    relation,
    identity,
    rights: held,
    reach,
    owners: ownership.ownersOf(relation, quoteIdentifier(relation.name)),
    ownerColumns: ownership.decidingColumns(relation),
  };
}

function measuredRelation(
  { schema, name, kind, columns, rules }: RelationFacts,
  cells: Record<string, Cell>,
): MeasuredRelation {
  return { schema, name, kind, columns: columns.map((column) => column.name), rules, cells };
}

function identityOf({ roles }: Ground, { name, email }: AccessIdentity): MatrixIdentity {
  return { name, email, role: roles.get(name), remedy: undefined };
}

function missing({ name, email }: KnownIdentities["missing"][number]): MatrixIdentity {
  return { name, email, role: undefined, remedy: "pantler user create-test" };
}
