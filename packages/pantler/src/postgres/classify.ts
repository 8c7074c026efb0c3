import type { DefElem, Node, ParseResult, RawStmt, ReindexStmt, TransactionStmtKind } from "libpg-query";
import { blankLineComments, leadingWord } from "./split-statements.js";

/** What a statement asks of the transaction around it. */
export type TransactionNeed = "any" | "outside" | "commit-after";

/** What a statement is, as far as its text tells. */
export interface StatementClass {
  /** The name of Postgres' parse node, such as `CreateStmt`; `EmptyQuery` for text of nothing but comments. */
  readonly node: string;
  /** What the statement does to the transaction: `savepoint` is any of savepoint, release and rollback to. */
  readonly transaction?: "begin" | "commit" | "rollback" | "savepoint" | "prepared";
  /** `outside`: no transaction block may be open. `commit-after`: what it makes cannot be used before a commit. */
  readonly need: TransactionNeed;
  /** Words for a plan, whenever `need` is not `any`. */
  readonly why?: string;
  /** What a sender of files cannot allow: that the session forgets its locks, or that it waits for rows to be sent. */
  readonly unfit?: "discard-all" | "copy-from-stdin";
}

/** Text that Postgres' grammar refuses. */
export class SqlSyntaxProblem extends Error {
  override readonly name = "SqlSyntaxProblem";
  /** Where the parser stopped, in UTF-16 code units of the statement's text. */
  readonly cursorOffset: number;

  constructor(message: string, cursorOffset: number) {
    super(message);
    this.cursorOffset = cursorOffset;
  }
}

/**
 * In UTF-16 code units; only rows make a statement of this kind so long. To find out what its first word says, the
 * parser would take some thirty to fifty times its size of WebAssembly memory, which is never given back.
 */
const longestParsedData = 128 * 1024;

const dataNodes: ReadonlyMap<string, string> = new Map([
  ["delete", "DeleteStmt"],
  ["insert", "InsertStmt"],
  ["merge", "MergeStmt"],
  ["select", "SelectStmt"],
  ["update", "UpdateStmt"],
  ["values", "SelectStmt"],
]);

/**
 * Statements that overran the parser's stack. Each such attempt costs the WebAssembly instance a part of its stack for
 * good, so that no text is tried twice.
 */
const tooDeep = new Set<string>();

type Parser = typeof import("libpg-query");

let parser: Parser | undefined;

/** Loads Postgres' parser once per process, in about 10 ms; commands that read no SQL never pay for it. */
export async function loadParser(): Promise<void> {
  if (parser) return;
  const loaded = await import("libpg-query");
  await loaded.loadModule();
  parser = loaded;
}

/** First words of statements that run in any transaction, whatever follows. */
const alwaysOrdinary = new Set([
  ...["insert", "update", "delete", "merge", "select", "values", "with"],
  ...["grant", "revoke", "comment", "do"],
]);

/** First words of statements that run in any transaction unless one of these words is in them. */
const mostlyOrdinary = new Map([
  ["create", ["concurrently", "database", "tablespace", "subscription"]],
  ["alter", ["concurrently", "database", "tablespace", "subscription", "system", "value"]],
  ["drop", ["concurrently", "database", "tablespace", "subscription"]],
]);

/**
 * Tells of most statements, without parsing them, that `classifyStatement` would find nothing special in them: the
 * grammar of what is special needs one of the words looked for. A name or a string that holds such a word makes the
 * answer no, which is only slower. Whether the text is SQL at all is not said.
 * @param text one statement without its terminator
 */
export function isOrdinary(text: string): boolean {
  const word = leadingWord(text);
  if (alwaysOrdinary.has(word)) return true;
  const special = mostlyOrdinary.get(word);
  if (!special) return false;
  const lower = text.toLowerCase();
  return !special.some((each) => lower.includes(each));
}

/**
 * Tells what one statement is and what it needs of the transaction around it.
 *
 * The facts are the calls of `PreventInTransactionBlock` in PostgreSQL 17. Where those depend on the catalog the answer
 * is the careful one for subscriptions (`drop subscription` counts as having a slot), and the ordinary one for `cluster`
 * and `reindex` of a partitioned table and for procedures that commit, which no text gives away.
 * An INSERT, UPDATE, DELETE, MERGE, SELECT or VALUES of more than 128 Ki code units is known by its first word and not
 * parsed: what is wrong with it only the server says.
 *
 * @param text one statement without its terminator, as `splitStatements` gives it
 * @throws SqlSyntaxProblem when the grammar refuses the text, when it holds more than one statement, and when it is
 *   too large or nested too deeply to be read
 * @throws Error when `loadParser` has not finished before
 */
export function classifyStatement(text: string): StatementClass {
  // The parser reads C strings: without this the text after the character would go unread, and be sent all the same.
  const terminator = text.indexOf("\0");
  if (terminator >= 0) throw new SqlSyntaxProblem("a null character cannot be part of SQL", terminator);
  if (text.length > longestParsedData) {
    const node = dataNodes.get(leadingWord(text));
    if (node !== undefined) return { node, need: "any" };
  }
  const statements = parseStatements(text);
  if (statements === undefined) {
    const node = dataNodes.get(leadingWord(text));
    if (node !== undefined) return { node, need: "any" };
    throw new SqlSyntaxProblem("statement is too large or nested too deeply to be read", 0);
  }
  const [first, second] = statements;
  if (second !== undefined) {
    const bytes = Buffer.from(text).subarray(0, second.stmt_location ?? 0);
    throw new SqlSyntaxProblem("expected one statement and found another after it", bytes.toString().length);
  }
  const [name, statement] = Object.entries(first?.stmt ?? {})[0] ?? [];
  if (name === undefined) return { node: "EmptyQuery", need: "any" };
  return { node: name, need: "any", ...ruleOf(name)?.(statement as never) };
}

/**
 * Parses text as PostgreSQL 17 does (https://github.com/pganalyze/libpg_query describes the nodes).
 * @returns undefined when the statements are beyond what the parser can hold
 * @throws SqlSyntaxProblem when the grammar refuses the text
 * @throws Error when `loadParser` has not finished before
 */
export function parseStatements(text: string): RawStmt[] | undefined {
  if (parser === undefined) throw new Error("loadParser() has to finish before SQL can be parsed");
  if (text.trim() === "") return [];
  if (tooDeep.has(text)) return undefined;
  try {
    const { stmts }: ParseResult = parser.parseSync(text);
    return stmts ?? [];
  } catch (error) {
    if (!parser.hasSqlDetails(error)) {
      tooDeep.add(text);
      return undefined;
    }
    // Unlike the server, libpg-query ends a string that continues on a later line at a comment in between.
    const blanked = blankLineComments(text);
    if (blanked !== text) return parseStatements(blanked);
    throw new SqlSyntaxProblem(error.message, utf16Offset(text, error.sqlDetails.cursorPosition));
  }
}

/** The parser counts characters, as the server does in its error positions; stmt_location alone is in bytes. */
function utf16Offset(text: string, characters: number): number {
  let offset = 0;
  for (let count = 0; count < characters && offset < text.length; count++) {
    offset += (text.codePointAt(offset) ?? 0) > 0xffff ? 2 : 1;
  }
  return offset;
}

type Finding = Omit<StatementClass, "node">;
type NodeName = Node extends infer N ? (N extends N ? keyof N : never) : never;
type Rules = {
  readonly [K in NodeName]?: (statement: Extract<Node, Record<K, unknown>>[K]) => Finding | undefined;
};

/** The kinds of statement that mean something to a transaction, each with its condition; all others run anywhere. */
const rules: Rules = {
  TransactionStmt: ({ kind }) => (kind === undefined ? undefined : transactionKinds[kind]),
  AlterEnumStmt: ({ newVal, oldVal }) =>
    newVal !== undefined && oldVal === undefined
      ? { need: "commit-after", why: "a value added to an enum cannot be used before the commit" }
      : undefined,
  IndexStmt: ({ concurrent }) => (concurrent ? outside("create index concurrently") : undefined),
  DropStmt: ({ concurrent }) => (concurrent ? outside("drop index concurrently") : undefined),
  ReindexStmt: reindex,
  VacuumStmt: ({ is_vacuumcmd }) => (is_vacuumcmd ? outside("vacuum") : undefined),
  ClusterStmt: ({ relation }) =>
    relation === undefined ? outside("cluster without a table name") : undefined,
  CreatedbStmt: () => outside("create database"),
  DropdbStmt: () => outside("drop database"),
  AlterDatabaseStmt: ({ options }) =>
    option(options, "tablespace") ? outside("alter database set tablespace") : undefined,
  CreateTableSpaceStmt: () => outside("create tablespace"),
  DropTableSpaceStmt: () => outside("drop tablespace"),
  AlterSystemStmt: () => outside("alter system"),
  DiscardStmt: ({ target }) =>
    target === "DISCARD_ALL" ? { ...outside("discard all"), unfit: "discard-all" } : undefined,
  CopyStmt: ({ is_from, filename }) =>
    is_from && filename === undefined ? { need: "any", unfit: "copy-from-stdin" } : undefined,
  AlterTableStmt: ({ cmds }) =>
    cmds?.some(detachesConcurrently) ? outside("alter table detach partition concurrently") : undefined,
  CreateSubscriptionStmt: ({ options }) =>
    isOn(options, "create_slot", isOn(options, "connect", true))
      ? outside("create subscription with a new replication slot")
      : undefined,
  DropSubscriptionStmt: () => outside("drop subscription with a replication slot"),
  AlterSubscriptionStmt: ({ kind, options }) => {
    switch (kind) {
      case "ALTER_SUBSCRIPTION_REFRESH":
        return outside("alter subscription refresh publication");
      case "ALTER_SUBSCRIPTION_SET_PUBLICATION":
      case "ALTER_SUBSCRIPTION_ADD_PUBLICATION":
      case "ALTER_SUBSCRIPTION_DROP_PUBLICATION":
        return isOn(options, "refresh", true) ? outside("alter subscription that refreshes") : undefined;
      case "ALTER_SUBSCRIPTION_OPTIONS":
        return option(options, "failover") ? outside("alter subscription set failover") : undefined;
      default:
        return undefined;
    }
  },
};

const transactionKinds: Readonly<Record<TransactionStmtKind, Finding>> = {
  TRANS_STMT_BEGIN: { need: "any", transaction: "begin" },
  TRANS_STMT_START: { need: "any", transaction: "begin" },
  TRANS_STMT_COMMIT: { need: "any", transaction: "commit" },
  TRANS_STMT_ROLLBACK: { need: "any", transaction: "rollback" },
  TRANS_STMT_SAVEPOINT: { need: "any", transaction: "savepoint" },
  TRANS_STMT_RELEASE: { need: "any", transaction: "savepoint" },
  TRANS_STMT_ROLLBACK_TO: { need: "any", transaction: "savepoint" },
  TRANS_STMT_PREPARE: { need: "any", transaction: "prepared" },
  TRANS_STMT_COMMIT_PREPARED: { ...outside("commit prepared"), transaction: "prepared" },
  TRANS_STMT_ROLLBACK_PREPARED: { ...outside("rollback prepared"), transaction: "prepared" },
};

function ruleOf(name: string): ((statement: never) => Finding | undefined) | undefined {
  return (rules as Readonly<Record<string, (statement: never) => Finding | undefined>>)[name];
}

function outside(what: string): Finding {
  return { need: "outside", why: `${what} cannot run inside a transaction` };
}

function reindex({ kind, params }: ReindexStmt): Finding | undefined {
  if (isOn(params, "concurrently", false)) return outside("reindex concurrently");
  switch (kind) {
    case "REINDEX_OBJECT_DATABASE":
      return outside("reindex database");
    case "REINDEX_OBJECT_SYSTEM":
      return outside("reindex system");
    case "REINDEX_OBJECT_SCHEMA":
      return outside("reindex schema");
    default:
      return undefined;
  }
}

function detachesConcurrently(command: Node): boolean {
  if (!("AlterTableCmd" in command)) return false;
  const { subtype, def } = command.AlterTableCmd;
  if (subtype !== "AT_DetachPartition" || def === undefined || !("PartitionCmd" in def)) return false;
  return def.PartitionCmd.concurrent === true;
}

function option(options: readonly Node[] | undefined, name: string): DefElem | undefined {
  for (const node of options ?? []) {
    if ("DefElem" in node && node.DefElem.defname === name) return node.DefElem;
  }
  return undefined;
}

/**
 * Reads an option as `defGetBoolean` does: on without a value, off for `false`, `off` and 0. The grammar takes `off` for
 * the name of a type, `false` and quoted words for strings.
 */
function isOn(options: readonly Node[] | undefined, name: string, otherwise: boolean): boolean {
  const found = option(options, name);
  if (found === undefined) return otherwise;
  const { arg } = found;
  if (arg === undefined) return true;
  if ("Integer" in arg) return (arg.Integer.ival ?? 0) !== 0;
  const word = "TypeName" in arg ? arg.TypeName.names?.at(-1) : arg;
  return !(word !== undefined && "String" in word && /^(false|off)$/i.test(word.String.sval ?? ""));
}
