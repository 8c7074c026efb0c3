import type { Node } from "libpg-query";
import type { RuleContext } from "./context.js";

type NodeName = Node extends infer N ? (N extends N ? keyof N : never) : never;
type Fields<K extends NodeName> = Extract<Node, Record<K, unknown>>[K];

/** What is asked of a statement, by its kind, before it takes effect. */
export type RuleSet = {
  readonly [K in NodeName]?: (statement: Fields<K>, context: RuleContext) => void | Promise<void>;
};

/** Puts a statement to the rules for its kind. */
export async function askRules(sets: readonly RuleSet[], context: RuleContext): Promise<void> {
  const [kind, fields] = Object.entries(context.statement.node)[0] ?? [];
  for (const set of sets) {
    const rule = (set as Readonly<Record<string, (fields: never, context: RuleContext) => unknown>>)[
      kind ?? ""
    ];
    await rule?.(fields as never, context);
  }
}
