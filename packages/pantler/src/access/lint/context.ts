import type { FuncCall, Node } from "libpg-query";
import { callerFunctions, nameOfCall, relationsIn, visitNodes } from "../../migrations/index.js";
import { quoteIdentifier } from "../../postgres/index.js";
import type { Ownership } from "../ownership.js";
import { titleOf } from "../title-of.js";
import { parseExpression } from "./expression.js";
import {
  type ApiRole,
  apiRoles,
  type Command,
  type Facts,
  type PolicyFacts,
  type RelationFacts,
} from "./facts.js";
import type { AccessFinding } from "./finding.js";
import { Routines } from "./routines.js";
import { accessRules } from "./rules.js";
import { widthFor } from "./width.js";

/** A policy with its expressions parsed. */
export interface Policy extends PolicyFacts {
  readonly relation: RelationFacts;
  readonly usingTree: Node | undefined;
  readonly checkTree: Node | undefined;
  /** `policy "x" on public.y` */
  readonly subject: string;
}

export type Report = Omit<AccessFinding, "level" | "remedy"> &
  Partial<Pick<AccessFinding, "level" | "remedy">>;

/** What the rules ask of a database, and where they put what they find. */
export class LintContext {
  readonly facts: Facts;
  readonly ownership: Ownership;
  readonly routines: Routines;
  /** The project's own tables and views. */
  readonly relations: readonly RelationFacts[];
  /** Every policy, those on Supabase's own tables too. */
  readonly policies: readonly Policy[];
  readonly findings: AccessFinding[] = [];
  readonly #served: readonly string[];
  readonly #byId: ReadonlyMap<string, RelationFacts>;
  readonly #byTitle: ReadonlyMap<string, RelationFacts>;
  readonly #policiesOf = new Map<string, Policy[]>();

  constructor(facts: Facts, ownership: Ownership, own: readonly string[], served: readonly string[]) {
    this.facts = facts;
    this.ownership = ownership;
    this.#served = served;
    this.#byId = new Map(facts.relations.map((relation) => [relation.id, relation]));
    this.#byTitle = new Map(facts.relations.map((relation) => [titleOf(relation), relation]));
    this.routines = new Routines(facts);
    this.relations = facts.relations.filter(({ schema }) => own.includes(schema) || served.includes(schema));
    this.policies = facts.relations.flatMap((relation) =>
      relation.policies.map((policy) => ({
        ...policy,
        relation,
        usingTree: parseExpression(policy.using),
        checkTree: parseExpression(policy.check),
        subject: `policy ${quoteIdentifier(policy.name)} on ${titleOf(relation)}`,
      })),
    );
    for (const policy of this.policies) {
      const { id } = policy.relation;
      this.#policiesOf.set(id, [...(this.#policiesOf.get(id) ?? []), policy]);
    }
  }

  report(report: Report): void {
    const { level, remedy } = accessRules[report.rule];
    this.findings.push({ level, remedy, ...report });
  }

  byId(id: string): RelationFacts | undefined {
    return this.#byId.get(id);
  }

  /** The tables and views that a query names. */
  tablesIn(query: unknown): RelationFacts[] {
    const found = relationsIn(query).flatMap(
      ({ schemaname = "", relname = "" }) => this.#byTitle.get(`${schemaname}.${relname}`) ?? [],
    );
    return [...new Set(found)];
  }

  isServed(schema: string): boolean {
    return this.#served.includes(schema);
  }

  /** Who of the API's roles may do something with it through the API, as far as grants go. */
  exposedTo({ schema, grants }: RelationFacts, command?: Command): ApiRole[] {
    if (!this.isServed(schema)) return [];
    return apiRoles.filter((role) => may(grants, role, command));
  }

  /** The permissive policies of a table that decide a command of a role. */
  permissive(relation: RelationFacts, command: Command, role: ApiRole): Policy[] {
    return this.policiesOf(relation).filter(
      (policy) => policy.permissive && policy.roles.includes(role) && concerns(policy, command),
    );
  }

  /** Whether a restrictive policy narrows what the permissive ones allow. */
  isNarrowed(relation: RelationFacts, command: Command, role: ApiRole): boolean {
    return relation.policies.some(
      (policy) => !policy.permissive && policy.roles.includes(role) && concerns(policy, command),
    );
  }

  policiesOf({ id }: RelationFacts): readonly Policy[] {
    return this.#policiesOf.get(id) ?? [];
  }

  /** Whether a trigger that names something looks at each row before a command, and so may refuse it. */
  isGuarded({ triggers }: RelationFacts, command: Command, name: string): boolean {
    return triggers
      .filter(({ commands }) => commands.includes(command))
      .flatMap(({ schema, routine }) => this.routines.named(`${schema}.${routine}`.toLowerCase()))
      .some((routine) =>
        this.routines.withCalled(routine).some((each) => this.routines.words(each).has(name)),
      );
  }

  /** Whether an expression asks who is asking, itself or through a function. */
  asks(root: unknown): boolean {
    let asks = false;
    visitNodes(root, (kind, fields) => {
      if (kind === "SQLValueFunction" || (kind === "FuncCall" && this.isCaller(fields as FuncCall)))
        asks = true;
      return true;
    });
    return asks;
  }

  isCaller(call: FuncCall): boolean {
    const name = nameOfCall(call);
    return (
      callerFunctions.has(name) || this.routines.named(name).some((routine) => this.routines.asks(routine))
    );
  }
}

/** What a part of a policy is for every row of its table, whoever of a role asks; undefined where that depends. */
export function widthIn({ relation }: Policy, tree: Node | undefined, role: ApiRole): boolean | undefined {
  const notNull = relation.columns.filter((column) => column.notNull).map(({ name }) => name);
  return widthFor(tree, role, new Set(notNull));
}

/** Whether a policy has a say in a command. */
export function concerns({ command }: PolicyFacts, asked: Command): boolean {
  return command === "all" || command === asked;
}

/** Whether a role may do something with a table or a view; anything without a command. */
export function may(grants: RelationFacts["grants"], role: ApiRole, command?: Command): boolean {
  const given = grants[role] ?? [];
  return command === undefined ? given.length > 0 : given.includes(command);
}

/** What decides which rows a command finds. */
export function filterFor(policy: Policy, command: Command): Node | undefined {
  return command === "insert" ? undefined : policy.usingTree;
}

/** What decides which rows a command may leave behind: without a check of its own the filter does. */
export function checkFor(policy: Policy, command: Command): Node | undefined {
  if (command !== "insert" && command !== "update") return undefined;
  return policy.check === null ? policy.usingTree : policy.checkTree;
}

/** Names in a sentence: `a`, `a and b`, `a, b and c`. */
export function listed(names: readonly string[]): string {
  const last = names.at(-1) ?? "";
  return names.length < 2 ? last : `${names.slice(0, -1).join(", ")} and ${last}`;
}
