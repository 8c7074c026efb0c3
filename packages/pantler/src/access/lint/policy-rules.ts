import { titleOf } from "../title-of.js";
import { checkFor, filterFor, type LintContext, listed, may, type Policy, widthIn } from "./context.js";
import { rowColumnsIn, subqueriesIn } from "./expression.js";
import { type ApiRole, apiRoles, type Command, type RelationFacts } from "./facts.js";

const commands = ["select", "insert", "update", "delete"] as const;

/** What policies let through that they are there to keep out. */
export function judgePolicies(context: LintContext): void {
  for (const policy of context.policies) {
    if (!policy.relation.rowSecurity || !policy.permissive) continue;
    if (!judgeWidth(policy, context)) judgeIndifference(policy, context);
  }
  for (const relation of context.facts.relations) if (relation.rowSecurity) judgeTogether(relation, context);
}

/** Whether a policy allows a command on every row, whoever of a role asks; for an update one of both sides is enough. */
function isWide(policy: Policy, command: Command, role: ApiRole): boolean {
  const tree = command === "insert" ? checkFor(policy, command) : filterFor(policy, command);
  return widthIn(policy, tree, role) === true;
}

/** The commands that a policy decides for a role which has a right to them, and nothing narrows. */
function decided(policy: Policy, role: ApiRole, context: LintContext): Command[] {
  const { relation, roles } = policy;
  if (!roles.includes(role)) return [];
  return commands.filter(
    (command) =>
      (policy.command === "all" || policy.command === command) &&
      may(relation.grants, role, command) &&
      !context.isNarrowed(relation, command, role),
  );
}

/** Reports a policy that is always true. Whether it is. */
function judgeWidth(policy: Policy, context: LintContext): boolean {
  const wide = apiRoles.flatMap((role) =>
    decided(policy, role, context)
      .filter((command) => isWide(policy, command, role))
      .map((command) => ({ role, command })),
  );
  if (wide.length === 0) return false;
  const changes = wide.filter(({ command }) => command !== "select");
  const roles = [...new Set((changes.length > 0 ? changes : wide).map(({ role }) => role))];
  const may = listed([...new Set((changes.length > 0 ? changes : wide).map(({ command }) => command))]);
  const title = titleOf(policy.relation);
  const harm = changes.some(({ role, command }) => role === "anon" && command !== "insert");
  // Nobody means those who did not sign in to see more than those who did.
  const isInverted = policy.roles.length === apiRoles.length && roles.length === 1 && roles[0] === "anon";
  context.report({
    rule: "policy-always-true",
    level: harm || isInverted ? "error" : changes.length > 0 ? "warning" : "info",
    subject: policy.subject,
    ...(changes.length > 0 || isInverted
      ? {}
      : { remedy: "Nothing, if everybody is meant to read all of it." }),
    message: `${isInverted ? "For who did not sign in p" : "P"}olicy ${policy.name} is true for every row of ${title}: ${listed(roles)} may ${may} ${changes.length > 0 && may === "insert" ? "whatever they like" : "any of them"}.`,
  });
  return true;
}

/** Reports a policy that lets things be changed, or a sub-query answer, without asking who is asking. */
function judgeIndifference(policy: Policy, context: LintContext): void {
  const { relation, usingTree, checkTree } = policy;
  const roles = apiRoles.filter((role) => decided(policy, role, context).length > 0);
  if (roles.length === 0 || context.asks(usingTree) || context.asks(checkTree)) return;
  const trees = [usingTree, checkTree].filter((tree) => tree !== undefined);
  if (trees.some((tree) => roles.every((role) => widthIn(policy, tree, role) === false))) return;
  const title = titleOf(relation);
  const fixed = trees.find(
    (tree) => subqueriesIn(tree).length > 0 && rowColumnsIn(tree, relation.name).size === 0,
  );
  if (fixed) {
    context.report({
      rule: "policy-ignores-caller",
      subject: policy.subject,
      message: `The sub-query of policy ${policy.name} asks neither who is asking nor for the row of ${title}: once it finds anything, ${listed(roles)} may use every row.`,
    });
    return;
  }
  const changed = policy.command === "all" ? "change" : policy.command;
  if (changed === "select") return;
  const hasOwners = context.ownership.decidingColumns(relation).length > 0;
  context.report({
    rule: "policy-ignores-caller",
    level: changed === "insert" && !hasOwners ? "info" : "warning",
    subject: policy.subject,
    message: `Policy ${policy.name} does not ask who is asking: ${listed(roles)} may ${changed} ${changed === "insert" ? `rows of ${title}, in anybody's name` : `any row of ${title} that fits it`}.`,
  });
}

/** What the permissive policies of one table do to each other: one is enough to let a row through. */
function judgeTogether(relation: RelationFacts, context: LintContext): void {
  const told = new Set<Policy>();
  let several: { command: Command; names: readonly string[] } | undefined;
  for (const role of apiRoles) {
    for (const command of commands) {
      const policies = context
        .permissive(relation, command, role)
        .filter((policy) => decided(policy, role, context).includes(command));
      if (policies.length > 1) several ??= { command, names: policies.map(({ name }) => name) };
      for (const wide of policies.filter((policy) => isWide(policy, command, role))) {
        // Beside a policy for one command, one for all is likely there for the others.
        const narrower = policies.filter(
          (policy) =>
            !isWide(policy, command, role) &&
            widthIn(
              policy,
              command === "insert" ? checkFor(policy, command) : filterFor(policy, command),
              role,
            ) !== false &&
            (wide.command === "all" || policy.command === command),
        );
        if (narrower.length === 0 || told.has(wide)) continue;
        told.add(wide);
        context.report({
          rule: "permissive-policies-cancel",
          level: command === "select" && wide.command === "select" ? "warning" : "error",
          subject: wide.subject,
          message: `Policy ${wide.name} lets ${role} ${command} every row, so that ${listed(narrower.map(({ name }) => name))} of the same table keeps nobody out: one permissive policy is enough.`,
        });
      }
    }
  }
  if (!several || told.size > 0) return;
  context.report({
    rule: "several-permissive-policies",
    subject: titleOf(relation),
    message: `${listed(several.names)} ${several.names.length === 2 ? "both" : "all"} decide ${several.command} on ${titleOf(relation)}: each is worked out, and one is enough to let a row through.`,
  });
}
