import { quoteIdentifier } from "../../postgres/index.js";
import type { SchemaDifference, SchemaObject } from "../../schema/index.js";
import { splitName } from "./parts.js";

/** The word that stands before a name in grant and revoke. */
const words: Readonly<Record<string, string>> = {
  "schema grant": "schema",
  "function grant": "routine",
  "type grant": "type",
};

const option = " with grant option";

/**
 * Writes the statements that turn one side's rights on an object into the other's.
 * @param difference of a kind that ends with ` grant`; its left side is turned into its right
 * @param objects the schema it is about, which tells tables and sequences apart
 * @returns none for rights that cannot be written so
 */
export function changeRights(
  { kind, name, left, right }: SchemaDifference,
  objects: readonly SchemaObject[],
): string[] {
  const end = name.lastIndexOf(" to ");
  const subject = name.slice(0, end);
  const role = name.slice(end + " to ".length);
  const on = placeOf(kind, subject, objects);
  if (on === undefined || end < 0) return [];
  const whom = role === "public" ? "public" : quoteIdentifier(role);
  const before = rightsIn(left);
  const after = rightsIn(right);
  const taken = before.filter((each) => !after.includes(each));
  const given = after.filter((each) => !before.includes(each));
  const plain = (rights: readonly string[]) => rights.filter((each) => !each.endsWith(option));
  const passable = (rights: readonly string[]) =>
    rights.filter((each) => each.endsWith(option)).map((each) => each.slice(0, -option.length));
  const revoked = [...plain(taken), ...passable(taken)];
  return [
    ...(revoked.length === 0 ? [] : [`revoke ${on(revoked)} from ${whom}`]),
    ...(plain(given).length === 0 ? [] : [`grant ${on(plain(given))} to ${whom}`]),
    ...(passable(given).length === 0 ? [] : [`grant ${on(passable(given))} to ${whom} with grant option`]),
  ];
}

function rightsIn(definition: string | undefined): string[] {
  return definition === undefined ? [] : definition.split(", ");
}

/** The names are the server's own words, with their quotes. */
function placeOf(
  kind: string,
  subject: string,
  objects: readonly SchemaObject[],
): ((rights: readonly string[]) => string) | undefined {
  const word = words[kind];
  if (word !== undefined) return (rights) => `${rights.join(", ")} on ${word} ${subject}`;
  if (kind === "column grant") {
    const { before, last } = splitName(subject);
    return (rights) => `${rights.map((each) => `${each} (${last})`).join(", ")} on table ${before}`;
  }
  if (kind !== "relation grant") return undefined;
  const isSequence = objects.some((object) => object.kind === "sequence" && object.name === subject);
  return (rights) => `${rights.join(", ")} on ${isSequence ? "sequence" : "table"} ${subject}`;
}
