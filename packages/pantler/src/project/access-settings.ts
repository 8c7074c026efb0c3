/** What the config may say of who sees and changes what. */
export interface AccessConfig {
  /** Whom to measure besides `anon`, the test users and `service_role`. */
  identities?: AccessIdentityConfig[] | undefined;
  /**
   * The columns that tell whose a row is, by table: for those that refer to users without a foreign key, or where others
   * decide than the policies read. A column that refers to a table with an owner stands for that owner.
   */
  owners?: Record<string, string[]> | undefined;
  /** The schemas that the API serves; by default `[api] schemas` of supabase/config.toml, else `public`. */
  schemas?: string[] | undefined;
  /** Findings of `pantler access lint` that are meant to be so. */
  accept?: AcceptedFinding[] | undefined;
}

/** A finding that a project has looked at and lives with. */
export interface AcceptedFinding {
  /** The rule's name. */
  readonly rule: string;
  /** What the finding is about, as it shows it: `public.invoices`. */
  readonly on: string;
  readonly because: string;
}

/** An identity as the config lists it: a user by address, or a role with the claims its requests carry. */
export type AccessIdentityConfig =
  | { name: string; email: string }
  | { name: string; role?: string | undefined; claims?: Record<string, unknown> | undefined };

/** What a project knows about access. */
export interface AccessSettings {
  readonly identities: readonly AccessIdentityConfig[];
  readonly owners: Readonly<Record<string, readonly string[]>>;
  readonly schemas: readonly string[];
  readonly accept: readonly AcceptedFinding[];
}

/** Served by the API of every Supabase project, and no project's own. */
const supabasesOwn = ["graphql_public", "storage"];

/**
 * Completes what the config says of access.
 * @param served `[api] schemas` of supabase/config.toml
 */
export function resolveAccess(
  config: AccessConfig | undefined,
  served: readonly string[] | undefined,
): AccessSettings {
  const own = served?.filter((schema) => !supabasesOwn.includes(schema));
  return {
    identities: config?.identities ?? [],
    owners: config?.owners ?? {},
    schemas: config?.schemas ?? (own && own.length > 0 ? own : ["public"]),
    accept: config?.accept ?? [],
  };
}
