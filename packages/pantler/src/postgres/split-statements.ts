/** One statement of a SQL file, as `supabase_migrations.schema_migrations.statements` keeps it. */
export interface Statement {
  /**
   * The statement without its terminator and without white space around it; comments before it stay glued to it.
   * Byte for byte what the Supabase CLI records.
   */
  readonly text: string;
  /** Where `text` starts, in UTF-16 code units of the string given to `splitStatements`, a byte-order mark included. */
  readonly offset: number;
}

/** A line meant for psql (`\connect other`), which no server understands. */
export interface MetaCommand {
  /** The line from its backslash to its end, without the line break. */
  readonly text: string;
  /** Where the backslash stands, in UTF-16 code units of the string given to `splitStatements`. */
  readonly offset: number;
}

const TAB = 9;
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const SPACE = 32;
const DOUBLE_QUOTE = 34;
const DOLLAR = 36;
const SINGLE_QUOTE = 39;
const OPEN_PAREN = 40;
const CLOSE_PAREN = 41;
const ASTERISK = 42;
const MINUS = 45;
const SLASH = 47;
const SEMICOLON = 59;
const BACKSLASH = 92;

/**
 * Splits a SQL file at its top-level semicolons into exactly the array that `supabase db push` writes into
 * `supabase_migrations.schema_migrations.statements`, so that both tools can read each other's ledger.
 *
 * The rules, as measured on Supabase CLI 3.1.0: terminators and statements without any text are dropped; comments
 * belong to the statement that follows them, and a comment after the last terminator is an element of its own; white
 * space around a statement goes as `String.prototype.trim` sees it (no-break space and byte-order mark included);
 * carriage returns inside stay; a file that ends inside a `--` comment loses the semicolons at its very end.
 * Which semicolons are top-level follows the lexer of PostgreSQL 17 (`scan.l`): quotes of every kind, nested comments,
 * parentheses (the actions of a rule) and `BEGIN ATOMIC` bodies hide theirs. Strings are read with
 * `standard_conforming_strings` on, the server's default.
 *
 * Where the CLI cuts wrongly its own push fails, so that no ledger shows it: a rule's commands with parentheses of their
 * own, a comment between BEGIN and ATOMIC, a column named `begin` with the alias `atomic`.
 *
 * Lines that begin with a backslash outside of quotes and comments are for psql. They are returned apart, and a
 * statement around one keeps blanks in its place, so that a position inside its text still fits the file. The data
 * lines after `copy ... from stdin` are not recognised: they show as statements, and their end as the line `\.`.
 *
 * Never throws: text that is not SQL is split as far as it can be, and refusing it is the parser's business.
 * Time and memory are linear in the length of the text, whatever it contains.
 *
 * @param sql the file's text, decoded, with or without a byte-order mark
 */
export function splitStatements(sql: string): { statements: Statement[]; metaCommands: MetaCommand[] } {
  return new Splitter(sql).run();
}

/**
 * The statement's first word in lower case, or "" when it starts with something else or holds nothing but comments.
 *
 * @param sql one statement, with the comments before it
 */
export function leadingWord(sql: string): string {
  let at = 0;
  while (at < sql.length) {
    const code = sql.charCodeAt(at);
    const next = sql.charCodeAt(at + 1);
    if (isSpace(code)) at++;
    else if (code === MINUS && next === MINUS) at = endOfLine(sql, at + 2);
    else if (code === SLASH && next === ASTERISK) at = endOfBlockComment(sql, at + 2);
    else return isWordStart(code) ? sql.slice(at, endOfWord(sql, at + 1)).toLowerCase() : "";
  }
  return "";
}

/**
 * The text with blanks in the place of its `--` comments, every other character where it was.
 *
 * @param sql any SQL text
 */
export function blankLineComments(sql: string): string {
  const comments: Span[] = [];
  new Splitter(sql, comments).run();
  let blanked = "";
  let at = 0;
  for (const { from, to } of comments) {
    if (from < at) continue;
    blanked += sql.slice(at, from) + " ".repeat(to - from);
    at = to;
  }
  return blanked + sql.slice(at);
}

interface Span {
  readonly from: number;
  readonly to: number;
}

/** Where the reading of one statement stands; begun anew after every top-level semicolon. */
interface Progress {
  /** The statement's first character; moves on as long as there is nothing but white space. */
  start: number;
  parens: number;
  /** Whether the first words say that this is CREATE [OR REPLACE] FUNCTION or PROCEDURE. */
  routine: "unknown" | "create" | "create or" | "yes" | "no";
  /** The token before was BEGIN: a body opens only if ATOMIC is the next one. */
  afterBegin: boolean;
  atomicDepth: number;
  /** A statement of a body may start here, which is the only place where END closes the body. */
  atBodyStart: boolean;
  /** Lines for psql after the statement's start, to be blanked in its text. */
  readonly holes: MetaCommand[];
}

class Splitter {
  readonly #sql: string;
  readonly #statements: Statement[] = [];
  readonly #metaCommands: MetaCommand[] = [];
  readonly #lineComments: Span[] | undefined;
  #at = 0;
  #lineIsBlank = true;
  #progress = progressFrom(0);

  /** @param lineComments receives every `--` comment, some of them twice */
  constructor(sql: string, lineComments?: Span[]) {
    this.#sql = sql;
    this.#lineComments = lineComments;
  }

  run(): { statements: Statement[]; metaCommands: MetaCommand[] } {
    while (this.#at < this.#sql.length) this.#token();
    // The Supabase CLI drops terminators at the end of the file before it trims, and takes the semicolons that end a
    // line comment without a line break for some.
    let end = this.#sql.length;
    while (end > this.#progress.start && this.#sql.charCodeAt(end - 1) === SEMICOLON) end--;
    this.#emit(end);
    return { statements: this.#statements, metaCommands: this.#metaCommands };
  }

  /** Reads one token, comment or blank; always moves forward. */
  #token(): void {
    const sql = this.#sql;
    const code = sql.charCodeAt(this.#at);
    if (this.#isBlank(code)) {
      if (code === LINE_FEED || code === CARRIAGE_RETURN) this.#lineIsBlank = true;
      if (this.#at === this.#progress.start) this.#progress.start++;
      this.#at++;
      return;
    }
    if (code === BACKSLASH && this.#lineIsBlank) {
      this.#metaCommand();
      return;
    }
    this.#lineIsBlank = false;
    const next = sql.charCodeAt(this.#at + 1);
    if (code === MINUS && next === MINUS) this.#at = endOfLineComment(sql, this.#at, this.#lineComments);
    else if (code === SLASH && next === ASTERISK) this.#at = endOfBlockComment(sql, this.#at + 2);
    else if (code === SEMICOLON) this.#semicolon();
    else if (isWordStart(code)) this.#word();
    else this.#mark(code);
  }

  /** Before a statement the CLI's wider notion of white space counts, because it sends the trimmed text. */
  #isBlank(code: number): boolean {
    return isSpace(code) || (code > 127 && this.#at === this.#progress.start && isTrimmable(code));
  }

  /** Quotes, parentheses and everything that is nothing to a splitter: digits and operators. */
  #mark(code: number): void {
    const sql = this.#sql;
    this.#progress.afterBegin = false;
    this.#progress.atBodyStart = false;
    switch (code) {
      case SINGLE_QUOTE:
        this.#at = endOfQuote(sql, this.#at + 1, SINGLE_QUOTE);
        return;
      case DOUBLE_QUOTE:
        this.#at = endOfQuote(sql, this.#at + 1, DOUBLE_QUOTE);
        return;
      case DOLLAR:
        this.#at = endOfDollarQuote(sql, this.#at);
        return;
      case OPEN_PAREN:
        this.#progress.parens++;
        break;
      case CLOSE_PAREN:
        if (this.#progress.parens > 0) this.#progress.parens--;
        break;
    }
    this.#at++;
  }

  #semicolon(): void {
    const progress = this.#progress;
    if (progress.atomicDepth > 0) {
      progress.afterBegin = false;
      if (progress.parens === 0) progress.atBodyStart = true;
      this.#at++;
    } else if (progress.parens > 0) {
      this.#at++;
    } else {
      this.#emit(this.#at);
      this.#at++;
      this.#progress = progressFrom(this.#at);
    }
  }

  /**
   * Reads a keyword or an unquoted identifier. A body opens with BEGIN ATOMIC outside of parentheses in a CREATE
   * FUNCTION or PROCEDURE, nowhere else: `select begin atomic from t` is a column and its alias. It closes with an END
   * in the place of a statement, which needs no counting of CASE.
   */
  #word(): void {
    const sql = this.#sql;
    const start = this.#at;
    const end = endOfWord(sql, start + 1);
    this.#at = end;
    if (end === start + 1 && (sql.charCodeAt(start) | 32) === 101 && sql.charCodeAt(end) === SINGLE_QUOTE) {
      this.#at = endOfEscapeString(sql, end + 1, this.#lineComments);
    }
    const progress = this.#progress;
    if (progress.routine === "no") return;
    const length = end - start;
    if (progress.routine !== "yes") {
      progress.routine = definition(progress.routine, length <= 9 ? sql.slice(start, end).toLowerCase() : "");
      return;
    }
    const word = length <= 6 && progress.parens === 0 ? sql.slice(start, end).toLowerCase() : "";
    if (word === "atomic" && progress.afterBegin) {
      progress.atomicDepth++;
      progress.atBodyStart = true;
    } else {
      if (word === "end" && progress.atBodyStart) progress.atomicDepth--;
      progress.atBodyStart = false;
    }
    progress.afterBegin = word === "begin";
  }

  #metaCommand(): void {
    const end = endOfLine(this.#sql, this.#at);
    const command = { text: this.#sql.slice(this.#at, end), offset: this.#at };
    this.#metaCommands.push(command);
    if (this.#at === this.#progress.start) this.#progress.start = end;
    else this.#progress.holes.push(command);
    this.#at = end;
  }

  #emit(end: number): void {
    const { start, holes } = this.#progress;
    let raw = "";
    let from = start;
    for (const hole of holes) {
      raw += this.#sql.slice(from, hole.offset) + " ".repeat(hole.text.length);
      from = hole.offset + hole.text.length;
    }
    const text = (raw + this.#sql.slice(from, end)).trimEnd();
    if (text !== "") this.#statements.push({ text, offset: start });
  }
}

function progressFrom(start: number): Progress {
  return {
    start,
    parens: 0,
    routine: "unknown",
    afterBegin: false,
    atomicDepth: 0,
    atBodyStart: false,
    holes: [],
  };
}

/** What is known about a statement after one more of its first words. */
function definition(before: Progress["routine"], word: string): Progress["routine"] {
  if (before === "unknown" && word === "create") return "create";
  if (before === "create" && word === "or") return "create or";
  if (before === "create or" && word === "replace") return "create";
  if (before === "create" && (word === "function" || word === "procedure")) return "yes";
  return "no";
}

export function endOfLine(sql: string, from: number): number {
  let at = from;
  for (; at < sql.length; at++) {
    const code = sql.charCodeAt(at);
    if (code === LINE_FEED || code === CARRIAGE_RETURN) break;
  }
  return at;
}

function endOfLineComment(sql: string, from: number, lineComments?: Span[]): number {
  const to = endOfLine(sql, from + 2);
  lineComments?.push({ from, to });
  return to;
}

export function endOfBlockComment(sql: string, from: number): number {
  let at = from;
  let depth = 1;
  while (at < sql.length && depth > 0) {
    const code = sql.charCodeAt(at);
    if (code === ASTERISK && sql.charCodeAt(at + 1) === SLASH) {
      depth--;
      at += 2;
    } else if (code === SLASH && sql.charCodeAt(at + 1) === ASTERISK) {
      depth++;
      at += 2;
    } else {
      at++;
    }
  }
  return at;
}

/** A doubled quote needs no case of its own: it ends one piece and opens the next. */
export function endOfQuote(sql: string, from: number, quote: number): number {
  let at = from;
  while (at < sql.length && sql.charCodeAt(at) !== quote) at++;
  return Math.min(at + 1, sql.length);
}

/**
 * The end of an E'' string, with the pieces that continue it on later lines: `E'a'` followed by a line break and `'\\''`
 * is one string, whose second piece knows backslashes too.
 */
export function endOfEscapeString(sql: string, from: number, lineComments?: Span[]): number {
  let at = from;
  while (at < sql.length) {
    const code = sql.charCodeAt(at);
    if (code === BACKSLASH) {
      at += 2;
    } else if (code === SINGLE_QUOTE) {
      at++;
      const next = sql.charCodeAt(at) === SINGLE_QUOTE ? at : continuation(sql, at, lineComments);
      if (next < 0) return at;
      at = next + 1;
    } else {
      at++;
    }
  }
  return sql.length;
}

/** The quote that continues a string after at least one line break and no more than `--` comments, or -1. */
function continuation(sql: string, from: number, lineComments?: Span[]): number {
  let at = from;
  let lineBreak = false;
  while (at < sql.length) {
    const code = sql.charCodeAt(at);
    if (code === SINGLE_QUOTE && lineBreak) return at;
    if (code === MINUS && sql.charCodeAt(at + 1) === MINUS) {
      at = endOfLineComment(sql, at, lineComments);
    } else if (isSpace(code)) {
      lineBreak ||= code === LINE_FEED || code === CARRIAGE_RETURN;
      at++;
    } else {
      break;
    }
  }
  return -1;
}

/** The end of the dollar-quoted string that starts at `from`, or the place after a dollar that starts none. */
export function endOfDollarQuote(sql: string, from: number): number {
  let tagEnd = from + 1;
  if (isWordStart(sql.charCodeAt(tagEnd))) {
    while (isTagPart(sql.charCodeAt(tagEnd))) tagEnd++;
  }
  if (sql.charCodeAt(tagEnd) !== DOLLAR) return from + 1;
  const delimiter = sql.slice(from, tagEnd + 1);
  const close = sql.indexOf(delimiter, tagEnd + 1);
  return close < 0 ? sql.length : close + delimiter.length;
}

export function endOfWord(sql: string, from: number): number {
  let at = from;
  while (isTagPart(sql.charCodeAt(at)) || sql.charCodeAt(at) === DOLLAR) at++;
  return at;
}

/** The lexer's white space: U+000B counts since PostgreSQL 16. */
export function isSpace(code: number): boolean {
  return code === SPACE || (code >= TAB && code <= CARRIAGE_RETURN);
}

function isTrimmable(code: number): boolean {
  return String.fromCharCode(code).trim() === "";
}

/** The lexer takes every byte above ASCII for a letter, so that every such code unit is one. */
export function isWordStart(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95 || code > 127;
}

function isTagPart(code: number): boolean {
  return isWordStart(code) || (code >= 48 && code <= 57);
}
