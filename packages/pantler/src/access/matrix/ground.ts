import { EnvironmentError, InputError } from "../../operation/index.js";
import { type Client, quoteIdentifier, sqlstateOf, sqlstates } from "../../postgres/index.js";
import type { DatabaseUrl, Project } from "../../project/index.js";
import { type AccessIdentity, type KnownIdentities, readIdentities } from "../identities.js";
import { type Ownership, readOwnership } from "../ownership.js";
import { type RelationFacts, readFacts } from "./facts.js";
import { readFunctions, type ServedFunction } from "./functions.js";
import type { MatrixRequest } from "./matrix.js";
import type { ProbeSession } from "./probe-session.js";
import { type Reach, readReach } from "./reach.js";
import { type Rights, readRights } from "./rights.js";

/** What is known before anything is tried. */
export interface Ground {
  readonly session: ProbeSession;
  readonly known: KnownIdentities;
  readonly ownership: Ownership;
  readonly relations: readonly RelationFacts[];
  readonly functions: readonly ServedFunction[];
  readonly reach: Reach;
  readonly roles: ReadonlyMap<string, string>;
  readonly rights: ReadonlyMap<string, ReadonlyMap<string, Rights>>;
}

/** What PostgREST sets: the schemas it serves, and those where extensions lie. */
export function searchPathOf({ access }: Project): string {
  return [...new Set([...access.schemas, "public", "extensions"])].map(quoteIdentifier).join(", ");
}

/**
 * Reads what the catalog tells, and whether everybody who is to be measured can be.
 * @throws InputError `relation-unknown`, `identity-unknown`, `identity-ambiguous`, `owner-unknown`
 * @throws EnvironmentError `role-out-of-reach`
 */
export async function prepare(
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
