import type { Node, RangeVar } from "libpg-query";
import { parseStatements, SqlSyntaxProblem } from "../postgres/index.js";
import type { NameInSchema } from "./dump-entry.js";

type NodeName = Node extends infer N ? (N extends N ? keyof N : never) : never;
type Fields<K extends NodeName> = Extract<Node, Record<K, unknown>>[K];

/** What a statement is attached to. */
export interface Attachment {
  readonly relation?: NameInSchema;
  readonly references?: NameInSchema;
}

/**
 * Parses one statement.
 * @returns undefined for what the parser does not know, as of a newer server than it is made for
 */
export function parseOne(sql: string): Node | undefined {
  try {
    return parseStatements(sql)?.[0]?.stmt;
  } catch (error) {
    if (error instanceof SqlSyntaxProblem) return undefined;
    throw error;
  }
}

/** A statement as one kind of node; undefined when it is of another. */
export function asNode<K extends NodeName>(node: Node | undefined, kind: K): Fields<K> | undefined {
  return (node as Partial<Record<K, Fields<K>>> | undefined)?.[kind];
}

/** The names in a list of strings, as qualified names are kept. */
export function namesIn(nodes: readonly Node[] | undefined): string[] {
  return (nodes ?? []).flatMap((node) => asNode(node, "String")?.sval ?? []);
}

/** Names the table, view or sequence that a statement makes or is attached to. */
export function attachmentOf(node: Node): Attachment {
  const [kind, statement] = Object.entries(node)[0] ?? [];
  const reader = (readers as Readonly<Record<string, (statement: never) => Attachment>>)[kind ?? ""];
  return reader?.(statement as never) ?? {};
}

const readers: { readonly [K in NodeName]?: (statement: Fields<K>) => Attachment } = {
  CreateStmt: ({ relation }) => to(relation),
  CreateForeignTableStmt: ({ base }) => to(base?.relation),
  ViewStmt: ({ view }) => to(view),
  CreateTableAsStmt: ({ into }) => to(into?.rel),
  CreateSeqStmt: ({ sequence }) => to(sequence),
  AlterSeqStmt: ({ sequence, options }) => ({ ...to(sequence), ...ownedBy(options) }),
  IndexStmt: ({ relation }) => to(relation),
  CreateTrigStmt: ({ relation }) => to(relation),
  RuleStmt: ({ relation }) => to(relation),
  CreatePolicyStmt: ({ table }) => to(table),
  CreateStatsStmt: ({ relations }) => to(asNode(relations?.[0], "RangeVar")),
  AlterPublicationStmt: ({ pubobjects }) =>
    to(asNode(pubobjects?.[0], "PublicationObjSpec")?.pubtable?.relation),
  GrantStmt: ({ objects }) => to(asNode(objects?.[0], "RangeVar")),
  CommentStmt: ({ objtype, object }) => toNamed(objtype, object),
  SecLabelStmt: ({ objtype, object }) => toNamed(objtype, object),
  AlterTableStmt: ({ objtype, relation, cmds }) => {
    if (objtype === "OBJECT_INDEX" || objtype === "OBJECT_TYPE") return {};
    const command = asNode(cmds?.[0], "AlterTableCmd");
    const partition = asNode(command?.def, "PartitionCmd")?.name;
    const referenced = asNode(command?.def, "Constraint")?.pktable;
    const references = to(referenced).relation;
    return { ...to(partition ?? relation), ...(references ? { references } : {}) };
  },
};

function to(relation: RangeVar | undefined): Attachment {
  const { schemaname, relname } = relation ?? {};
  if (schemaname === undefined || relname === undefined) return {};
  return { relation: { schema: schemaname, name: relname } };
}

/** The table that a sequence goes with. */
function ownedBy(options: readonly Node[] | undefined): Pick<Attachment, "references"> {
  const owner = options
    ?.map((option) => asNode(option, "DefElem"))
    .find((option) => option?.defname === "owned_by");
  const [schema, name, column] = namesIn(asNode(owner?.arg, "List")?.items);
  return schema === undefined || name === undefined || column === undefined
    ? {}
    : { references: { schema, name } };
}

/** How many names stand after the relation's own, in a comment's or a label's. */
const namesAfter: ReadonlyMap<string, number> = new Map([
  ["OBJECT_TABLE", 0],
  ["OBJECT_VIEW", 0],
  ["OBJECT_MATVIEW", 0],
  ["OBJECT_FOREIGN_TABLE", 0],
  ["OBJECT_SEQUENCE", 0],
  ["OBJECT_COLUMN", 1],
  ["OBJECT_TABCONSTRAINT", 1],
  ["OBJECT_TRIGGER", 1],
  ["OBJECT_POLICY", 1],
  ["OBJECT_RULE", 1],
]);

function toNamed(objtype: string | undefined, object: Node | undefined): Attachment {
  const after = namesAfter.get(objtype ?? "");
  if (after === undefined) return {};
  const [schema, name] = namesIn(asNode(object, "List")?.items);
  return schema === undefined || name === undefined ? {} : { relation: { schema, name } };
}
