import { calledBy } from "./access-words.js";
import type { AccessChange } from "./change.js";
import type { AccessSnapshot, SnapshotFunction } from "./snapshot.js";

type Answer = SnapshotFunction["access"][string];

/** How much an answer gives away. */
const weight: Readonly<Record<Answer, number>> = {
  "not callable": 0,
  refused: 1,
  "not called": 2,
  nothing: 2,
  "no rows": 2,
  "a value": 3,
  rows: 4,
};

/** Tells what has become different of who may call what, and of what that gives. */
export function compareFunctions(
  before: AccessSnapshot,
  after: AccessSnapshot,
  identities: readonly string[],
): AccessChange[] {
  const names = [...new Set([...Object.keys(before.functions), ...Object.keys(after.functions)])].sort();
  return names.flatMap((name) => {
    const is = after.functions[name];
    const was = before.functions[name];
    return identities.flatMap((identity) => compareCall(identity, name, was, is));
  });
}

function compareCall(
  identity: string,
  subject: string,
  before: SnapshotFunction | undefined,
  after: SnapshotFunction | undefined,
): AccessChange[] {
  const name = calledBy(subject);
  const change = (kind: AccessChange["kind"], sentence: string): AccessChange[] => [
    { identity, subject, kind, sentence, fails: true },
  ];
  const was = before?.access[identity] ?? "not callable";
  const is = after?.access[identity] ?? "not callable";
  const gives = is === "not called" || is === "not callable" ? "" : `, which gives it ${is}`;
  if (was === is) {
    const isChanged = before?.definition !== after?.definition;
    if (!isChanged || is !== "not called" || !after) return [];
    const what =
      after.definition === undefined
        ? "no longer runs as its owner"
        : "runs as its owner and is another than before";
    return change("undecided", `${name} ${what}; what it gives ${identity} is not known`);
  }
  if (was === "not callable") {
    const start = before ? "" : `${name} is not in the snapshot: `;
    return change("gained", `${start}${identity} can now call ${name}${gives}`);
  }
  if (is === "not callable") return change("lost", `${identity} can no longer call ${name}`);
  if (is === "not called") {
    return change("undecided", `it can no longer be told what ${name} gives ${identity} (before: ${was})`);
  }
  const kind = weight[is] > weight[was] ? "gained" : "lost";
  return change(kind, `${name} now gives ${identity} ${is} (before: ${was})`);
}
