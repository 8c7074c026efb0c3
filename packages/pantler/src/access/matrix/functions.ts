import { quoteQualified, sqlstates } from "../../postgres/index.js";
import type { AccessIdentity } from "../identities.js";
import { fingerprint } from "./facts.js";
import type { CallVerdict } from "./matrix.js";
import type { ProbeSession } from "./probe-session.js";
import type { Reach } from "./reach.js";

/** A function that the API may serve. */
export interface ServedFunction {
  readonly oid: string;
  readonly schema: string;
  readonly name: string;
  /** With its schema and the types of its arguments. */
  readonly title: string;
  readonly definer: boolean;
  readonly returnsSet: boolean;
  /** How many arguments have to be given. */
  readonly needed: number;
  readonly definition: string;
}

/** Triggers' functions and members of extensions are none: https://www.postgresql.org/docs/17/catalog-pg-proc.html */
const functionsOf = `
select
  p.oid::text as oid,
  n.nspname as schema,
  p.proname as name,
  p.oid::regprocedure::text as title,
  p.prosecdef as definer,
  p.proretset as "returnsSet",
  p.pronargs - p.pronargdefaults as needed,
  concat_ws(' ', p.prosecdef, p.prosrc, pg_get_function_sqlbody(p.oid), p.proconfig::text) as definition
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
where n.nspname = any ($1)
  and p.prokind = 'f'
  and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype, 'internal'::regtype)
  and not exists (
    select from pg_depend where classid = 'pg_proc'::regclass and objid = p.oid and deptype = 'e'
  )
order by p.oid::regprocedure::text collate "C"
`;

/** So many rows of what a function returns are counted. */
const countedRows = 10_000;

/**
 * Reads the functions of some schemas.
 * @param session in a transaction whose search path names no schema, so that types come out with theirs
 */
export async function readFunctions(
  { client }: ProbeSession,
  schemas: readonly string[],
): Promise<ServedFunction[]> {
  const { rows } = await client.query<ServedFunction>(functionsOf, [schemas]);
  return rows.map((row) => ({ ...row, definition: fingerprint(row.definition) }));
}

/** Calls functions as somebody; the server refuses those that write. */
export async function callFunctions(
  session: ProbeSession,
  functions: readonly ServedFunction[],
  { identity }: AccessIdentity,
  reach: Reach,
): Promise<CallVerdict[]> {
  return await session.inTransaction(async () => {
    await session.becomeReader(identity);
    await session.client.query("set local statement_timeout = 3000");
    const verdicts: CallVerdict[] = [];
    for (const each of functions) verdicts.push(await callOne(session, each, reach));
    return verdicts;
  });
}

const mayCall = `
select has_schema_privilege(pronamespace, 'usage') and has_function_privilege(oid, 'execute') as may
from pg_catalog.pg_proc where oid = $1
`;

async function callOne(
  session: ProbeSession,
  { oid, schema, name, needed, returnsSet }: ServedFunction,
  reach: Reach,
): Promise<CallVerdict> {
  const { rows } = await session.client.query<{ may: boolean }>(mayCall, [oid]);
  if (!rows[0]?.may) return { callable: false, returns: undefined };
  const notCalled = (why: string): CallVerdict => ({ callable: true, returns: undefined, why });
  if (needed > 0) return notCalled("it needs arguments");
  const outward = reach.ofCalling(oid);
  if (outward !== undefined) return notCalled(outward);
  if (reach.writes(oid)) return notCalled("it writes");
  const call = `${quoteQualified(schema, name)}()`;
  const attempt = await session.attempt(
    returnsSet
      ? `select count(*)::int as rows from (select from ${call} limit ${countedRows}) as returned`
      : `select ${call}::text is not null as given`,
  );
  if (attempt.refusal) {
    const { code = "", message } = attempt.refusal;
    if (code === sqlstates.insufficientPrivilege) {
      return { callable: true, returns: "refused", why: `${code}: ${message}` };
    }
    return notCalled(code === "25006" ? "it writes" : `error ${code}: ${message}`);
  }
  const [found] = attempt.rows;
  if (!returnsSet) return { callable: true, returns: found?.given === true ? "a value" : "nothing" };
  const count = Number(found?.rows ?? 0);
  return { callable: true, returns: count > 0 ? "rows" : "no rows", rows: count };
}
