import type { FuncCall, Node } from "libpg-query";
import { nameOfCall, visitNodes } from "../../migrations/index.js";
import { asNode, namesIn } from "../../schema/index.js";
import type { LintContext } from "./context.js";
import { bare, constantOf, rowColumnsIn } from "./expression.js";
import type { RelationFacts } from "./facts.js";

/** Whether an expression asks what the caller may do: it compares that with a constant, or has a function say yes or no. */
export function isGate(tree: Node | undefined, { name }: RelationFacts, context: LintContext): boolean {
  let gate = false;
  visitNodes(tree, (kind, fields) => {
    const node = { [kind]: fields } as unknown as Node;
    const { name: operator, lexpr, rexpr } = asNode(node, "A_Expr") ?? {};
    if (lexpr && rexpr && comparisons.has(namesIn(operator).at(-1) ?? "")) {
      const against = isConstant(rexpr) ? lexpr : isConstant(lexpr) ? rexpr : undefined;
      const ofOther = asNode(bare(against), "ColumnRef") && rowColumnsIn(against, name).size === 0;
      if (against && (context.asks(against) || ofOther)) gate = true;
    }
    if (kind !== "FuncCall") return true;
    const routines = context.routines.named(nameOfCall(fields as FuncCall));
    if (routines.some(({ returns }) => returns === "boolean")) gate = true;
    return true;
  });
  return gate;
}

const comparisons = new Set(["=", "<>", "<", ">", "<=", ">="]);

function isConstant(node: Node): boolean {
  const list = asNode(bare(node), "A_ArrayExpr")?.elements;
  return list ? list.every(isConstant) : constantOf(node) !== undefined;
}
