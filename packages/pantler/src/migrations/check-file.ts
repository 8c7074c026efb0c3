import { InputError } from "../operation/index.js";
import { endOfComment, type Identity, leadingWord, parseIdentity } from "../postgres/index.js";
import type { Project } from "../project/index.js";
import { pathInProject } from "../project/index.js";
import { lineAt, readStatements } from "./script.js";

/** What a check says of its last statement. */
export type Expectation =
  | { readonly kind: "true" }
  | { readonly kind: "no rows" }
  | { readonly kind: "rows"; readonly count: number }
  | { readonly kind: "value"; readonly text: string }
  | { readonly kind: "error"; readonly sqlstate: string };

interface Statement {
  readonly text: string;
  readonly offset: number;
  /** The identity that takes over before this statement. */
  readonly identity: Identity | undefined;
}

/** One assertion: statements of which the last has to turn out as expected. */
export interface Check {
  readonly title: string;
  /** The file's path as it is shown, and the line of the check's title. */
  readonly file: string;
  readonly line: number;
  /** The whole file, into which the statements' offsets point. */
  readonly text: string;
  /** Those of its fixtures, then its own. */
  readonly statements: readonly Statement[];
  readonly expectation: Expectation;
  /** How long the last statement should take at most, in milliseconds. */
  readonly within: number | undefined;
}

/** A check or a fixture while it is read. */
interface Block {
  readonly kind: "check" | "fixture";
  readonly title: string;
  readonly line: number;
  /** The statements of the fixtures it names: a set, so that one named by two of them runs once. */
  readonly given: Set<Statement>;
  readonly own: Statement[];
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
  const checks: Block[] = [];
  const fixtures = new Map<string, Block>();
  let block: Block | undefined;
  let identity: Identity | undefined;
  for (const statement of statements) {
    const { comments, body } = leadingComments(statement.text);
    for (const comment of comments) {
      const line = lineAt(text, statement.offset + comment.offset);
      const malformed = (why: string) => malformedAt(shown, line, why);
      const meant = meantDirective(comment.text);
      if (meant) throw malformed(`"-- ${comment.text}" is not understood: write "-- ${meant}:"`);
      const directive = /^(check|fixture|given|as|expect|within)\s*:\s*(.*?)\s*$/i.exec(comment.text);
      if (!directive) continue;
      const [, written = "", words = ""] = directive;
      const word = written.toLowerCase();
      if (word === "check" || word === "fixture") {
        if (words === "") throw malformed(`a ${word} needs a ${word === "check" ? "title" : "name"}`);
        block = newBlock(word, words, line);
        identity = undefined;
        if (word === "check") checks.push(block);
        else if (fixtures.has(words)) throw malformed(`another fixture is named "${words}"`);
        else fixtures.set(words, block);
        continue;
      }
      if (!block) throw malformed(`"-- ${word}:" stands before the first "-- check:"`);
      if (word === "given") {
        const fixture = fixtures.get(words);
        if (!fixture || fixture === block) throw malformed(`no fixture named "${words}" stands above`);
        if (block.own.length > 0)
          throw malformed(`"-- given:" stands after a statement of its ${block.kind}`);
        for (const each of [...fixture.given, ...fixture.own]) block.given.add(each);
      } else if (block.kind === "fixture") {
        throw malformed(
          `"-- ${word}:" has no place in a fixture, which runs as the deployer and asserts nothing`,
        );
      } else if (word === "as") {
        identity = parseIdentity(words);
        if (!identity)
          throw malformed(`"${words}" is nobody: write deployer, anon, service_role or user <email>`);
      } else if (word === "expect") {
        if (block.expectation) throw malformed("a check has one expectation");
        block.expectation = parseExpectation(words);
        if (!block.expectation) {
          throw malformed(
            `"${words}" is no expectation: write true, no rows, rows N, value X or error SQLSTATE`,
          );
        }
      } else {
        const [, amount, unit] = /^(\d+(?:\.\d+)?)\s*(ms|s)$/.exec(words) ?? [];
        if (!amount) throw malformed(`"${words}" is no duration: write 50ms or 2s`);
        block.within = Number(amount) * (unit === "s" ? 1000 : 1);
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
    if (!block) {
      throw new InputError({
        code: "check-malformed",
        message: `${shown}:${lineAt(text, statement.offset)}: a statement stands before the first "-- check:".`,
        state: "Nothing was done.",
        remedy: "Give it a title: -- check: what is asserted",
      });
    }
    block.own.push({ text: statement.text, offset: statement.offset, identity });
    identity = undefined;
  }
  const used = new Set(checks.flatMap(({ given }) => [...given]));
  for (const { title, line, own } of fixtures.values()) {
    if (own.length === 0) throw malformedAt(shown, line, `the fixture "${title}" has no statement`);
    if (!own.some((each) => used.has(each)))
      throw malformedAt(shown, line, `no check uses the fixture "${title}"`);
  }
  return checks.map(({ title, line, given, own, expectation, within }): Check => {
    if (expectation && own.length > 0)
      return { title, file: shown, line, text, statements: [...given, ...own], expectation, within };
    throw new InputError({
      code: "check-malformed",
      message: `${shown}:${line}: the check has no ${expectation ? "statement" : '"-- expect:"'}.`,
      state: "Nothing was done.",
      remedy: "A check is at least one statement and what to expect of the last one.",
    });
  });
}

function newBlock(kind: Block["kind"], title: string, line: number): Block {
  return { kind, title, line, given: new Set(), own: [], expectation: undefined, within: undefined };
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
  if (/^fixture./.test(lower)) return "fixture";
  if (/^given./.test(lower)) return "given";
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
      offset = endOfComment(text, offset) ?? text.length;
    } else {
      return { comments, body: text.slice(offset) };
    }
  }
}
