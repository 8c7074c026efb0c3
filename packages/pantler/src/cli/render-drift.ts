import type { Drift, SchemaDifference } from "../index.js";
import { printable } from "./columns.js";
import type { Paint } from "./output.js";

/** So many lines of a definition are shown before and after one that changed. */
const context = 1;

/** Shows drift: what is missing, extra and changed, then the hints. */
export async function renderDrift(
  { differences, hints, unbuilt }: Drift,
  environment: string,
  paint: Paint,
): Promise<string> {
  const { outermost } = await import("../migrations/index.js");
  const shown = outermost(differences);
  const missing = shown.filter(({ right }) => right === undefined);
  const extra = shown.filter(({ left }) => left === undefined);
  const changed = shown.filter(({ left, right }) => left !== undefined && right !== undefined);
  const lines = [
    ...section(`missing from ${environment}`, missing, paint.bad("-"), paint),
    ...section(`only in ${environment}`, extra, paint.good("+"), paint),
    ...(changed.length === 0 ? [] : [paint.bold(`changed in ${environment}`)]),
  ];
  for (const each of changed) {
    lines.push(`  ${paint.warning("~")} ${titleOf(each)}`);
    lines.push(...(await renderChange(each.left ?? "", each.right ?? "", paint)));
  }
  for (const hint of hints) lines.push(`${paint.warning("→")} ${printable(hint)}`);
  lines.push(summary(shown.length, unbuilt.length, environment));
  return lines.join("\n");
}

function section(
  title: string,
  differences: readonly SchemaDifference[],
  mark: string,
  paint: Paint,
): string[] {
  if (differences.length === 0) return [];
  return [paint.bold(title), ...differences.map((each) => `  ${mark} ${titleOf(each)}`)];
}

function titleOf({ kind, name }: SchemaDifference): string {
  return `${kind} ${printable(name)}`;
}

function summary(differing: number, unbuilt: number, environment: string): string {
  const compared =
    differing === 0
      ? `${environment} is what its migrations make`
      : `${differing === 1 ? "1 object differs" : `${differing} objects differ`} between ${environment} and what its migrations make`;
  if (unbuilt === 0) return `${compared}.`;
  return `${compared}, as far as they could be built.`;
}

/** The lines of a definition that changed, what was above what is, each with its neighbours. */
async function renderChange(left: string, right: string, paint: Paint): Promise<string[]> {
  const { diffArrays } = await import("diff");
  const parts = diffArrays(linesOf(left), linesOf(right));
  return parts.flatMap(({ value, added, removed }, index) => {
    if (removed) return value.map((line) => `      ${paint.bad(`- ${line}`)}`);
    if (added) return value.map((line) => `      ${paint.good(`+ ${line}`)}`);
    const after = index === 0 ? [] : value.slice(0, context);
    const before =
      index === parts.length - 1 ? [] : value.slice(Math.max(value.length - context, after.length));
    const between =
      after.length > 0 && before.length > 0 && value.length > after.length + before.length ? ["…"] : [];
    return [...after, ...between, ...before].map((line) => `      ${paint.dim(`  ${line}`)}`);
  });
}

/** The server writes views and functions in lines; of other definitions each part gets one. */
function linesOf(definition: string): string[] {
  return definition.split(/\n|(?<=;) /).map(printable);
}
