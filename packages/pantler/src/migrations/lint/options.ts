import type { Node } from "libpg-query";
import { asNode } from "../../schema/index.js";

/** Whether an option of `with (…)` is on: without a value, or with one that means yes. */
export function optionIsOn(options: readonly Node[] | undefined, name: string): boolean {
  for (const node of options ?? []) {
    const option = asNode(node, "DefElem");
    if (option?.defname !== name) continue;
    const { arg } = option;
    if (arg === undefined) return true;
    const word =
      asNode(arg, "String")?.sval ?? asNode(asNode(arg, "TypeName")?.names?.at(-1), "String")?.sval;
    return word === undefined ? asNode(arg, "Integer")?.ival === 1 : /^(true|on|yes|1)$/i.test(word);
  }
  return false;
}
