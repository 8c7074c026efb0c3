import type { AcceptedFinding } from "../../project/index.js";
import type { AccessFinding, AccessLint } from "./finding.js";

/** Sets apart the findings that a project accepts, and why. */
export function setAccepted(
  findings: readonly AccessFinding[],
  accept: readonly AcceptedFinding[],
): AccessLint {
  const reason = (finding: AccessFinding) =>
    accept.find(({ rule, on }) => rule === finding.rule && on === finding.subject)?.because;
  return {
    findings: findings.filter((finding) => reason(finding) === undefined),
    accepted: findings.flatMap((finding) => {
      const because = reason(finding);
      return because === undefined ? [] : [{ ...finding, because }];
    }),
  };
}

/** What a project accepts and nobody finds: mended by now, or misspelt. */
export function idle({ accepted }: AccessLint, accept: readonly AcceptedFinding[]): AcceptedFinding[] {
  return accept.filter(({ rule, on }) => !accepted.some((each) => each.rule === rule && each.subject === on));
}
