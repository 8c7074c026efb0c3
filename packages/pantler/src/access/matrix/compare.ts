import { calledBy, cellInWords, columnsInWords } from "./access-words.js";
import type { AccessChange } from "./change.js";
import { compareCells } from "./compare-cells.js";
import { compareFunctions } from "./compare-functions.js";
import type { AccessSnapshot, SnapshotRelation } from "./snapshot.js";

const order: readonly AccessChange["kind"][] = ["gained", "undecided", "lost"];

/** Tells what has become different of who can see and change what; what was gained comes first. */
export function compareAccess(before: AccessSnapshot, after: AccessSnapshot): AccessChange[] {
  const measured = Object.keys(after.identities).filter((name) => after.identities[name] === "measured");
  const common = measured.filter((name) => before.identities[name] === "measured");
  const titles = [...new Set([...Object.keys(before.relations), ...Object.keys(after.relations)])].sort();
  const changes = [
    ...compareIdentities(before, after),
    ...titles.flatMap((title) =>
      compareRelations(title, before.relations[title], after.relations[title], common),
    ),
    ...compareFunctions(before, after, common),
  ];
  return changes.sort((left, right) => order.indexOf(left.kind) - order.indexOf(right.kind));
}

function compareIdentities(before: AccessSnapshot, after: AccessSnapshot): AccessChange[] {
  const names = [...new Set([...Object.keys(before.identities), ...Object.keys(after.identities)])];
  return names.flatMap((identity): AccessChange[] => {
    const [was, is] = [before.identities[identity], after.identities[identity]];
    if (was === is) return [];
    const change = (kind: AccessChange["kind"], sentence: string): AccessChange[] => [
      { identity, subject: identity, kind, sentence, fails: true },
    ];
    if (is === "missing") {
      return change(
        "undecided",
        `${identity} could not be measured: its user is not there. Make it: pantler user create-test`,
      );
    }
    if (is === undefined)
      return change("undecided", `${identity} is in the snapshot and is no longer measured`);
    const can = Object.entries(after.relations).filter(
      ([title, relation]) => cellInWords(relation.access[identity], relation, title).length > 0,
    );
    const where =
      can.length === 0
        ? "nothing anywhere"
        : `something with ${can.map(([title]) => calledBy(title)).join(", ")}`;
    return change(
      can.length === 0 ? "undecided" : "gained",
      `${identity} is not in the snapshot: it can do ${where}`,
    );
  });
}

function compareRelations(
  subject: string,
  before: SnapshotRelation | undefined,
  after: SnapshotRelation | undefined,
  identities: readonly string[],
): AccessChange[] {
  if (before && after) {
    return identities.flatMap((identity) => compareCells(identity, subject, before, after));
  }
  if (after) return newRelation(subject, after, identities);
  if (!before) return [];
  const had = Object.keys(before.access).filter(
    (identity) => cellInWords(before.access[identity], before, subject).length > 0,
  );
  const who = had.length === 0 ? "nobody had access to it" : `${had.join(", ")} had access to it`;
  return [
    {
      identity: had.join(", ") || "nobody",
      subject,
      kind: "lost",
      sentence: `${subject} is no longer there: ${who}`,
      fails: true,
    },
  ];
}

function newRelation(
  subject: string,
  relation: SnapshotRelation,
  identities: readonly string[],
): AccessChange[] {
  const start = `${subject} is not in the snapshot`;
  const found = identities.map((identity) => ({
    identity,
    can: cellInWords(relation.access[identity], relation, subject),
    cell: relation.access[identity],
  }));
  const open = found.filter(({ can }) => can.length > 0);
  const changes = open.map(({ identity, can }): AccessChange => {
    const sentence = `${start}: ${identity} can ${can.join(", ")}`;
    return { identity, subject, kind: "gained", sentence, fails: true };
  });
  const closed = found.filter(({ can }) => can.length === 0).map(({ identity }) => identity);
  if (closed.length === 0) return changes;
  const isKnown = found.every(({ can, cell }) => can.length > 0 || cell === "nothing");
  const what = isKnown
    ? "can do nothing with it"
    : "can do nothing with it as far as there were rows to try it on";
  return [
    ...changes,
    {
      identity: closed.join(", "),
      subject,
      kind: isKnown ? "lost" : "undecided",
      sentence: `${start}: ${closed.join(", ")} ${what} (${columnsInWords(relation.columns)})`,
      fails: true,
    },
  ];
}
