import { InputError } from "../operation/index.js";
import { type Identity, leadingWord, parseIdentity } from "../postgres/index.js";
import type { Project } from "../project/index.js";
import { pathInProject } from "../project/index.js";
import { readStatements } from "./script.js";

/** What a check says of its last statement. */
export type Expectation =
  | { readonly kind: "true" }
  | { readonly kind: "no rows" }
  | { readonly kind: "rows"; readonly count: number }
  | { readonly kind: "value"; readonly text: string }
  | { readonly kind: "error"; readonly sqlstate: string };

/** One assertion: statements of which the last has to turn out as expected. */
export interface Check {
  readonly title: string;
  /** The file's path as it is shown, and the line of the check's title. */
  readonly file: string;
  readonly line: number;
  /** The whole file, into which the statements' offsets point. */
  readonly text: string;
  readonly statements: readonly {
    readonly text: string;
    readonly offset: number;
    /** The identity that takes over before this statement. */
    readonly identity: Identity | undefined;
  }[];
  readonly expectation: Expectation;
  /** How long the last statement should take at most, in milliseconds. */
  readonly within: number | undefined;
}

interface Draft {
  title: string;
  line: number;
  statements: { text: string; offset: number; identity: Identity | undefined }[];
  expectation: Expectation | undefined;
  within: number | undefined;
}

/**
 * Reads a file of checks: plain SQL, in which comments say what each block asserts.
 * @throws InputError `check-malformed` with the file and the line, and what reading the file throws
 */
export function readChecks(project: Project, file: string): Check[] {
  const { text, statements } = readStatements(project, file);
  const shown = pathInProject(project, file);
  const drafts: Draft[] = [];
  let draft: Draft | undefined;
  let identity: Identity | undefined;
  for (const statement of statements) {
    const { comments, body } = leadingComments(statement.text);
    for (const comment of comments) {
      const line = lineAt(text, statement.offset + comment.offset);
      const malformed = (why: string) => malformedAt(shown, line, why);
      const meant = meantDirective(comment.text);
      if (meant) throw malformed(`"-- ${comment.text}" is not understood: write "-- ${meant}:"`);
      const directive = /^(check|as|expect|within)\s*:\s*(.*?)\s*$/i.exec(comment.text);
      if (!directive) continue;
      const [, written = "", words = ""] = directive;
      const word = written.toLowerCase();
      if (word === "check") {
        if (words === "") throw malformed("a check needs a title");
        draft = { title: words, line, statements: [], expectation: undefined, within: undefined };
        drafts.push(draft);
        identity = undefined;
        continue;
      }
      if (!draft) throw malformed(`"-- ${word}:" stands before the first "-- check:"`);
      if (word === "as") {
        identity = parseIdentity(words);
        if (!identity)
          throw malformed(`"${words}" is nobody: write deployer, anon, service_role or user <email>`);
      } else if (word === "expect") {
        if (draft.expectation) throw malformed("a check has one expectation");
        draft.expectation = parseExpectation(words);
        if (!draft.expectation) {
          throw malformed(
            `"${words}" is no expectation: write true, no rows, rows N, value X or error SQLSTATE`,
          );
        }
      } else {
        const [, amount, unit] = /^(\d+(?:\.\d+)?)\s*(ms|s)$/.exec(words) ?? [];
        if (!amount) throw malformed(`"${words}" is no duration: write 50ms or 2s`);
        draft.within = Number(amount) * (unit === "s" ? 1000 : 1);
      }
    }
    if (body === "") continue;
    const control = transactionWords(body);
    if (control) {
      const line = lineAt(text, statement.offset + statement.text.length - body.length);
      throw malformedAt(
        shown,
        line,
        `${control} has no place in a check, whose savepoint decides what is kept: nothing`,
      );
    }
    if (!draft) {
      throw new InputError({
        code: "check-malformed",
        message: `${shown}:${lineAt(text, statement.offset)}: a statement stands before the first "-- check:".`,
        state: "Nothing was done.",
        remedy: "Give it a title: -- check: what is asserted",
      });
    }
    draft.statements.push({ text: statement.text, offset: statement.offset, identity });
    identity = undefined;
  }
  return drafts.map((each): Check => {
    const { expectation } = each;
    if (expectation && each.statements.length > 0) return { ...each, expectation, file: shown, text };
    throw new InputError({
      code: "check-malformed",
      message: `${shown}:${each.line}: the check has no ${expectation ? "statement" : '"-- expect:"'}.`,
      state: "Nothing was done.",
      remedy: "A check is at least one statement and what to expect of the last one.",
    });
  });
}

function malformedAt(shown: string, line: number, why: string): InputError {
  return new InputError({
    code: "check-malformed",
    message: `${shown}:${line}: ${why}.`,
    state: "Nothing was done.",
    remedy: "Mend the file; docs/checks.md describes the format.",
  });
}

/** The directive that a comment was meant to be and is not: taken for prose, it would make a check assert less. */
function meantDirective(comment: string): string | undefined {
  const [, word = ""] = /^([a-z]+)\s*:/i.exec(comment) ?? [];
  const lower = word.toLowerCase();
  if (/^expect./.test(lower)) return "expect";
  if (/^check(s|ed|ing)$/.test(lower)) return "check";
  if (/^within./.test(lower)) return "within";
  const [, words = ""] = /^as\s+(.+)$/i.exec(comment) ?? [];
  return parseIdentity(words.trim()) ? "as" : undefined;
}

const transactionWord = /^(begin|start|commit|end|rollback|abort|savepoint|release)$/;

/** The words with which a statement would begin or end a transaction or a part of one; nothing for all others. */
function transactionWords(body: string): string | undefined {
  const word = leadingWord(body);
  if (transactionWord.test(word)) return word;
  if (word !== "prepare" || leadingWord(body.slice(word.length)) !== "transaction") return undefined;
  return "prepare transaction";
}

function parseExpectation(words: string): Expectation | undefined {
  if (words === "true") return { kind: "true" };
  if (words === "no rows") return { kind: "no rows" };
  const [, kind, operand] = /^(rows|value|error)\s+(.+)$/.exec(words) ?? [];
  if (operand === undefined) return undefined;
  if (kind === "value") return { kind, text: operand };
  if (kind === "rows") return /^\d+$/.test(operand) ? { kind, count: Number(operand) } : undefined;
  return /^[0-9A-Z]{5}$/.test(operand) ? { kind: "error", sqlstate: operand } : undefined;
}

/** The `--` comments before a statement's first word, block comments passed over. */
function leadingComments(text: string): {
  comments: { readonly text: string; readonly offset: number }[];
  body: string;
} {
  const comments: { text: string; offset: number }[] = [];
  let offset = 0;
  for (;;) {
    while (offset < text.length && /[\s\uFEFF]/.test(text.charAt(offset))) offset += 1;
    if (text.startsWith("--", offset)) {
      const end = text.indexOf("\n", offset);
      const stop = end < 0 ? text.length : end;
      comments.push({ text: text.slice(offset + 2, stop).trim(), offset });
      offset = stop;
    } else if (text.startsWith("/*", offset)) {
      offset = endOfBlockComment(text, offset);
    } else {
      return { comments, body: text.slice(offset) };
    }
  }
}

function endOfBlockComment(text: string, start: number): number {
  let depth = 0;
  for (let offset = start; offset < text.length; offset += 1) {
    if (text.startsWith("/*", offset)) {
      depth += 1;
      offset += 1;
    } else if (text.startsWith("*/", offset)) {
      depth -= 1;
      offset += 1;
      if (depth === 0) return offset + 1;
    }
  }
  return text.length;
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}
