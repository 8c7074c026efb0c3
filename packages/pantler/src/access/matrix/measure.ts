import { EnvironmentError, InputError, type Operation } from "../../operation/index.js";
import {
  type Client,
  cancelOnAbort,
  quoteIdentifier,
  requireServer,
  sqlstateOf,
  sqlstates,
  withClient,
} from "../../postgres/index.js";
import type { DatabaseUrl, Project } from "../../project/index.js";
import { type AccessIdentity, type KnownIdentities, readIdentities } from "../identities.js";
import { type Ownership, readOwnership } from "../ownership.js";
import { type RelationFacts, readFacts } from "./facts.js";
import { callFunctions, readFunctions, type ServedFunction } from "./functions.js";
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
import { type Reach, readReach } from "./reach.js";
import { type Rights, readRights } from "./rights.js";

/** What is known before anything is tried. */
interface Ground {
  readonly session: ProbeSession;
  readonly known: KnownIdentities;
  readonly ownership: Ownership;
  readonly relations: readonly RelationFacts[];
  readonly functions: readonly ServedFunction[];
  readonly reach: Reach;
  readonly roles: ReadonlyMap<string, string>;
  readonly rights: ReadonlyMap<string, ReadonlyMap<string, Rights>>;
}

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

/** What PostgREST sets: the schemas it serves, and those where extensions lie. */
function searchPathOf({ access }: Project): string {
  return [...new Set([...access.schemas, "public", "extensions"])].map(quoteIdentifier).join(", ");
}

async function prepare(
  session: ProbeSession,
  url: DatabaseUrl,
  project: Project,
  request: MatrixRequest,
): Promise<Ground> {
  const { client } = session;
  return await session.inTransaction(async () => {
    const all = await readIdentities(client, project);
    const known = chooseIdentities(all, request.identities);
    await client.query("set local search_path = ''");
    const { schemas } = project.access;
    const roles = new Map<string, string>();
    for (const each of known.identities) roles.set(each.name, await roleOf(session, url, each));
    const facts = await readFacts(client, schemas);
    const rights = new Map<string, Map<string, Rights>>();
    for (const role of new Set(roles.values())) rights.set(role, await readRights(client, role, facts));
    const relations = chooseRelations(
      facts.filter(
        (each) =>
          each.kind !== "partition" || [...rights.values()].some((held) => isReached(held.get(each.oid))),
      ),
      request.relations,
    );
    const functions = request.relations ? [] : await readFunctions(session, schemas);
    const reach = await readReach(client);
    return {
      session,
      known,
      ownership: await readOwnership(client, project),
      relations,
      functions,
      reach,
      roles,
      rights,
    };
  });
}

function isReached(rights: Rights | undefined): boolean {
  return (
    rights !== undefined &&
    (rights.deletes || Object.values(rights.granted).some((columns) => columns.length > 0))
  );
}

/**
 * Becomes somebody for a moment.
 * @returns the role that serves the identity's requests
 * @throws EnvironmentError `role-out-of-reach`
 */
async function roleOf(
  session: ProbeSession,
  url: DatabaseUrl,
  { name, identity }: AccessIdentity,
): Promise<string> {
  const role =
    identity.kind === "claims" ? identity.role : identity.kind === "user" ? "authenticated" : identity.kind;
  try {
    return await session.aside(async () => {
      await session.become(identity);
      return (await currentRole(session.client)) ?? role;
    });
  } catch (error) {
    const state = sqlstateOf(error);
    if (state !== sqlstates.insufficientPrivilege && state !== "22023") throw error;
    const isMissing = state === "22023";
    throw new EnvironmentError({
      code: "role-out-of-reach",
      message: isMissing
        ? `There is no role ${role} here, as which the requests of ${name} are served.`
        : `The role ${url.user} may not become ${role}, as which the requests of ${name} are served.`,
      state: "Nothing was done.",
      remedy: isMissing
        ? `Make the role, or measure other identities.`
        : `Have a superuser, or a role that administers ${role}, run: grant ${quoteIdentifier(role)} to ${quoteIdentifier(url.user)}`,
      ...(state === undefined ? {} : { sqlstate: state }),
      cause: error,
    });
  }
}

async function currentRole(client: Client): Promise<string | undefined> {
  const { rows } = await client.query<{ role: string }>("select current_user as role");
  return rows[0]?.role;
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
      const why = error instanceof Error ? error.message : String(error);
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

function chooseIdentities(all: KnownIdentities, wanted: readonly string[] | undefined): KnownIdentities {
  if (!wanted) return all;
  const names = [...all.identities, ...all.missing].map(({ name }) => name);
  const unknown = wanted.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new InputError({
      code: "identity-unknown",
      message: `This project knows nobody named ${unknown}.`,
      state: "Nothing was done.",
      remedy: `Name one of ${names.join(", ")}.`,
    });
  }
  return {
    identities: all.identities.filter(({ name }) => wanted.includes(name)),
    missing: all.missing.filter(({ name }) => wanted.includes(name)),
  };
}

function chooseRelations(
  all: readonly RelationFacts[],
  wanted: readonly string[] | undefined,
): readonly RelationFacts[] {
  if (!wanted) return all;
  const names = (each: RelationFacts) => [each.name, `${each.schema}.${each.name}`];
  const unknown = wanted.find((name) => !all.some((each) => names(each).includes(name)));
  if (unknown !== undefined) {
    throw new InputError({
      code: "relation-unknown",
      message: `The API serves no table or view named ${unknown}.`,
      state: "Nothing was done.",
      remedy: "Name it with its schema, and see access.schemas in the config for what the API serves.",
    });
  }
  return all.filter((each) => names(each).some((name) => wanted.includes(name)));
}
