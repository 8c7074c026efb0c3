import type { A_Expr, ColumnRef, FuncCall, Node, NullTest, SelectStmt, SubLink } from "libpg-query";
import { type QualifiedName, sqlName } from "../../copy/index.js";
import { nameOfCall, relationsIn, visitNodes } from "../../migrations/index.js";
import { loadParser, parseStatements, quoteIdentifier } from "../../postgres/index.js";
import { asNode, namesIn } from "../../schema/index.js";
import type { IndexCandidate } from "./index-candidate.js";
import type { KnownTables } from "./known-tables.js";

/** What a policy's expression looks at. */
export interface PolicyReads {
  readonly candidates: readonly IndexCandidate[];
  /** The columns it looks rows up by, indexed or not. */
  readonly compared: readonly { readonly table: QualifiedName; readonly column: string }[];
  /** The tables it reads, without the one it is for. */
  readonly tables: readonly QualifiedName[];
}

/** So many indexes are tried; what a policy looks at beyond that is not what makes it slow. */
const triedAtMost = 8;

/** A select's tables by the names that its columns are qualified with. */
type Scope = ReadonlyMap<string, QualifiedName>;

/** Reads which columns of which tables an expression of a policy looks rows up by. */
export async function readPolicy(
  expression: string,
  table: QualifiedName,
  known: KnownTables,
): Promise<PolicyReads> {
  await loadParser();
  const reader = new ExpressionReader(known);
  const [statement] = parseStatements(`select ${expression}`) ?? [];
  const select = asNode(statement?.stmt, "SelectStmt") as SelectStmt | undefined;
  reader.read(select?.targetList, [new Map([[table.name, table]])]);
  const tables = [...reader.tables.values()].filter((each) => sqlName(each) !== sqlName(table));
  return { candidates: reader.candidates(), compared: reader.compared(), tables };
}

class ExpressionReader {
  readonly tables = new Map<string, QualifiedName>();
  readonly #known: KnownTables;
  /** Columns that are compared, by table, in the order in which they were met. */
  readonly #compared = new Map<string, { readonly table: QualifiedName; readonly columns: Set<string> }>();
  readonly #nulls = new Map<string, Set<string>>();
  readonly #bodies = new Set<string>();

  constructor(known: KnownTables) {
    this.#known = known;
  }

  /** Reads below a node; the innermost scope is the last one. */
  read(root: unknown, scopes: readonly Scope[]): void {
    visitNodes(root, (kind, fields) => {
      switch (kind) {
        case "SubLink":
          this.#subLink(fields as SubLink, scopes);
          return false;
        case "A_Expr":
          this.#comparison(fields as A_Expr, scopes);
          return true;
        case "NullTest":
          this.#nullTest(fields as NullTest, scopes);
          return true;
        case "FuncCall":
          this.#call(nameOfCall(fields as FuncCall));
          return true;
        default:
          return true;
      }
    });
  }

  compared(): { readonly table: QualifiedName; readonly column: string }[] {
    return [...this.#compared.values()].flatMap(({ table, columns }) =>
      [...columns].map((column) => ({ table, column })),
    );
  }

  candidates(): IndexCandidate[] {
    const found: IndexCandidate[] = [];
    for (const [key, { table, columns }] of this.#compared) {
      const names = [...columns];
      const wheres = [
        undefined,
        ...[...(this.#nulls.get(key) ?? [])].map((name) => `${quoteIdentifier(name)} is null`),
      ];
      for (const where of wheres) {
        found.push(...names.map((name) => ({ table, columns: [name], where })));
        const [first, second] = names;
        if (names.length !== 2 || first === undefined || second === undefined) continue;
        found.push({ table, columns: [first, second], where });
      }
    }
    return found.filter((each) => !this.#known.hasIndex(each)).slice(0, triedAtMost);
  }

  #subLink({ subselect, testexpr, operName }: SubLink, scopes: readonly Scope[]): void {
    if (testexpr !== undefined && operName === undefined) this.#note(testexpr, scopes);
    this.read(testexpr, scopes);
    this.#select(subselect, scopes);
    // What is looked for in a list of a sub-query's is compared with the columns it gives.
    const select = asNode(subselect, "SelectStmt") as SelectStmt | undefined;
    if (testexpr === undefined || !select) return;
    const inner = [...scopes, this.#scopeOf(select)];
    for (const target of select.targetList ?? []) this.#note(asNode(target, "ResTarget")?.val, inner, true);
  }

  #select(node: Node | undefined, scopes: readonly Scope[]): void {
    const select = asNode(node, "SelectStmt") as SelectStmt | undefined;
    if (!select) return;
    for (const side of [select.larg, select.rarg]) {
      if (side) this.#select({ SelectStmt: side } as Node, scopes);
    }
    this.read(Object.values(select), [...scopes, this.#scopeOf(select)]);
  }

  #scopeOf(select: SelectStmt): Scope {
    const scope = new Map<string, QualifiedName>();
    for (const { schemaname, relname = "", alias } of relationsIn(select.fromClause)) {
      const table = this.#known.find(schemaname, relname);
      if (!table) continue;
      scope.set(alias?.aliasname ?? relname, table);
      this.tables.set(sqlName(table), table);
    }
    return scope;
  }

  #comparison({ kind, name, lexpr, rexpr }: A_Expr, scopes: readonly Scope[]): void {
    const isEqual = namesIn(name).at(-1) === "=";
    if (!isEqual || (kind !== "AEXPR_OP" && kind !== "AEXPR_OP_ANY" && kind !== "AEXPR_IN")) return;
    // A flag's value is no reason for an index: it is the same for everybody.
    if (!isConstant(rexpr)) this.#note(lexpr, scopes);
    if (!isConstant(lexpr)) this.#note(rexpr, scopes);
  }

  #nullTest({ arg, nulltesttype }: NullTest, scopes: readonly Scope[]): void {
    const found = nulltesttype === "IS_NULL" ? this.#column(arg, scopes) : undefined;
    if (!found) return;
    const key = sqlName(found.table);
    this.#nulls.set(key, (this.#nulls.get(key) ?? new Set()).add(found.column));
  }

  /** @param isLast whether it comes after what the sub-query compares by itself, as it does already */
  #note(node: Node | undefined, scopes: readonly Scope[], isLast = false): void {
    const found = this.#column(node, scopes);
    if (!found) return;
    const key = sqlName(found.table);
    const known = this.#compared.get(key) ?? { table: found.table, columns: new Set() };
    if (isLast && known.columns.size === 0) return;
    known.columns.add(found.column);
    this.#compared.set(key, known);
  }

  #column(
    node: Node | undefined,
    scopes: readonly Scope[],
  ): { readonly table: QualifiedName; readonly column: string } | undefined {
    const cast = asNode(node, "TypeCast");
    if (cast) return this.#column(cast.arg, scopes);
    const { fields } = (asNode(node, "ColumnRef") ?? {}) as ColumnRef & { fields?: Node[] };
    const names = namesIn(fields);
    const column = names.at(-1);
    if (column === undefined) return undefined;
    const owner = names.at(-2);
    for (const scope of [...scopes].reverse()) {
      for (const [alias, table] of scope) {
        const isMeant = owner === undefined ? this.#known.columns(table).includes(column) : owner === alias;
        if (isMeant) return { table, column };
      }
    }
    return undefined;
  }

  /** What a function of the project's does is done for the policy. */
  #call(name: string): void {
    const body = this.#bodies.has(name) ? undefined : this.#known.body(name);
    this.#bodies.add(name);
    if (body === undefined) return;
    for (const { stmt } of parseStatements(body) ?? []) this.#select(stmt, []);
  }
}

function isConstant(node: Node | undefined): boolean {
  const cast = asNode(node, "TypeCast");
  return cast ? isConstant(cast.arg) : asNode(node, "A_Const") !== undefined;
}
