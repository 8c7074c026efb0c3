/** The roles that stand for whoever calls the API. */
export const apiRoles = ["anon", "authenticated"] as const;
export type ApiRole = (typeof apiRoles)[number];

export type Command = "select" | "insert" | "update" | "delete";

export interface ColumnFacts {
  readonly name: string;
  /** As `format_type` writes it. */
  readonly type: string;
  readonly notNull: boolean;
  /** Whether the server gives it a value by itself: an identity, or generated. */
  readonly generated: boolean;
  readonly default: string | null;
  /** The API's roles that may read it, and that may write it. */
  readonly readers: readonly ApiRole[];
  readonly writers: readonly ApiRole[];
}

export interface PolicyFacts {
  readonly name: string;
  readonly command: Command | "all";
  readonly permissive: boolean;
  /** The API's roles that it holds for. */
  readonly roles: readonly ApiRole[];
  readonly using: string | null;
  readonly check: string | null;
}

export interface IndexFacts {
  readonly name: string;
  /** Its columns in order; null for an expression. */
  readonly columns: readonly (string | null)[];
  readonly unique: boolean;
  readonly primary: boolean;
  /** Whether rows with values are left out. */
  readonly partial: boolean;
  /** Whether it belongs to a constraint. */
  readonly constraint: boolean;
  /** The same for two indexes that hold the same. */
  readonly signature: string;
}

export interface ForeignKeyFacts {
  readonly name: string;
  readonly columns: readonly string[];
  /** The referenced table's id. */
  readonly to: string;
}

export interface TriggerFacts {
  readonly commands: readonly Command[];
  readonly schema: string;
  readonly routine: string;
}

/** A table or a view. */
export interface RelationFacts {
  readonly id: string;
  readonly schema: string;
  readonly name: string;
  readonly kind: "table" | "partitioned table" | "foreign table" | "view" | "materialized view";
  readonly owner: string;
  /** Whether row security does not hold for its owner anywhere. */
  readonly ownerBypasses: boolean;
  readonly rowSecurity: boolean;
  readonly forced: boolean;
  /** Whether it is a part of another table. */
  readonly partition: boolean;
  readonly options: readonly string[];
  /** What the API's roles may do with some column of it. */
  readonly grants: Readonly<Partial<Record<ApiRole, readonly Command[]>>>;
  readonly columns: readonly ColumnFacts[];
  readonly policies: readonly PolicyFacts[];
  readonly indexes: readonly IndexFacts[];
  readonly foreignKeys: readonly ForeignKeyFacts[];
  /** The functions that look at each row before it is written. */
  readonly triggers: readonly TriggerFacts[];
  /** Of a view: what it reads, by id, and its query. */
  readonly reads: readonly string[];
  readonly query: string | null;
}

export interface RoutineFacts {
  readonly schema: string;
  readonly name: string;
  /** The types of its arguments, as they are written in its name. */
  readonly argumentTypes: string;
  readonly owner: string;
  readonly ownerBypasses: boolean;
  readonly definer: boolean;
  /** Whether it has a search_path of its own, and which. */
  readonly searchPath: string | null;
  readonly volatility: "immutable" | "stable" | "volatile";
  readonly language: string;
  readonly body: string;
  /** Whether its body was parsed when it was made, so that its names mean what they meant then. */
  readonly atomic: boolean;
  readonly returns: string;
  readonly returnsRows: boolean;
  /** Whether it can only run as a trigger. */
  readonly trigger: boolean;
  readonly callers: readonly ApiRole[];
}

/** What the rules know of a database. */
export interface Facts {
  readonly relations: readonly RelationFacts[];
  readonly routines: readonly RoutineFacts[];
  /** Extensions that are in a schema that the API serves. */
  readonly extensions: readonly { readonly name: string; readonly schema: string }[];
  /** Public buckets of Supabase's storage; undefined where the role cannot tell. */
  readonly publicBuckets: readonly string[] | undefined;
}
