/**
 * SQL that is true for a trigger function which Supabase or an extension brought: then a trigger with it that stands on
 * a table of theirs is theirs as well. Those of webhooks (`supabase_functions`) are made to be used by projects.
 * @param schemas the parameter with the names of managed schemas
 * @param roles the parameter with the names of managed roles
 */
export function supabasesFunction(schemas: string, roles: string): string {
  return `(
    function.pronamespace::regnamespace::text = any (${schemas})
    and function.pronamespace::regnamespace::text <> 'supabase_functions'
    and (
      pg_get_userbyid(function.proowner) = any (${roles})
      or exists (
        select from pg_depend
        where classid = 'pg_proc'::regclass and objid = function.oid and deptype = 'e'
      )
    )
  )`;
}
