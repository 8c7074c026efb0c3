import type { RehearsedRows } from "./rehearsal.js";
import type { TableContent } from "./table-content.js";

/**
 * Puts what tables held before and after beside each other.
 * @param after read with the columns of before
 */
export function compareContent(
  before: readonly TableContent[],
  after: readonly TableContent[],
): RehearsedRows[] {
  const key = ({ schema, name }: TableContent) => JSON.stringify([schema, name]);
  const [left, right] = [before, after].map((side) => new Map(side.map((table) => [key(table), table])));
  const keys = [...new Set([...before, ...after].map(key))].sort();
  return keys.flatMap((each) => {
    const was = left?.get(each);
    const is = right?.get(each);
    const table = was ?? is;
    if (!table) return [];
    const changed =
      was === undefined ||
      is === undefined ||
      was.digest !== is.digest ||
      JSON.stringify(was.columns) !== JSON.stringify(is.columns);
    const { schema, name } = table;
    return [{ schema, name, before: was?.rows ?? null, after: is?.rows ?? null, changed }];
  });
}
