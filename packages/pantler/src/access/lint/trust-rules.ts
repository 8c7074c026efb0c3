import type { Node } from "libpg-query";
import { nameOfCall, stringsIn } from "../../migrations/index.js";
import { titleOf } from "../title-of.js";
import type { LintContext, Policy } from "./context.js";
import { callsIn, columnNamesIn, selfComparisons } from "./expression.js";

/** What policies believe though it says nothing. */
export function judgeTrust(context: LintContext): void {
  for (const policy of context.policies) {
    judgeUserMetadata(policy, context);
    judgeRequest(policy, context);
    judgeSelfComparison(policy, context);
  }
}

function judgeUserMetadata(policy: Policy, context: LintContext): void {
  const trees = [policy.usingTree, policy.checkTree];
  const here = trees.some((tree) => isMetadata(tree));
  const through = trees
    .flatMap((tree) => callsIn(tree))
    .flatMap((call) => context.routines.named(nameOfCall(call)))
    .find((routine) => context.routines.readsUserMetadata(routine));
  if (!here && !through) return;
  const where = here ? "" : ` through ${through?.schema}.${through?.name}()`;
  context.report({
    rule: "policy-trusts-user-metadata",
    subject: policy.subject,
    message: `Policy ${policy.name} believes the user_metadata of a token${where}, which every user can write: supabase.auth.updateUser({ data: … }).`,
  });
}

function isMetadata(tree: Node | undefined): boolean {
  return (
    columnNamesIn(tree).has("raw_user_meta_data") ||
    stringsIn(tree).some(({ text }) => text.includes("user_metadata"))
  );
}

/** Headers of a request are what the caller makes them. */
function judgeRequest(policy: Policy, context: LintContext): void {
  const trees = [policy.usingTree, policy.checkTree];
  const here = trees.some((tree) => stringsIn(tree).some(({ text }) => isOfRequest(text)));
  const through = trees
    .flatMap((tree) => callsIn(tree))
    .flatMap((call) => context.routines.named(nameOfCall(call)))
    .find((routine) => context.routines.strings(routine).some(isOfRequest));
  if (!here && !through) return;
  const where = here ? "" : ` through ${through?.schema}.${through?.name}()`;
  context.report({
    rule: "policy-trusts-request",
    subject: policy.subject,
    message: `Policy ${policy.name} believes a header or a cookie of the request${where}, which whoever sends it writes as he likes.`,
  });
}

function isOfRequest(text: string): boolean {
  return /^request\.(headers?|cookies?)\b/.test(text);
}

function judgeSelfComparison(policy: Policy, context: LintContext): void {
  const found = [...selfComparisons(policy.usingTree), ...selfComparisons(policy.checkTree)];
  const [first] = found;
  if (first === undefined) return;
  context.report({
    rule: "policy-compares-column-with-itself",
    subject: policy.subject,
    message: `Policy ${policy.name} compares ${first} with itself, which is true of every row: a name that was meant for ${titleOf(policy.relation)} is taken for the sub-query's own table.`,
    remedy: `Write ${titleOf(policy.relation)}'s name before the column in the sub-query.`,
  });
}
