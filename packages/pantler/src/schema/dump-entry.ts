/** The name of something that is in a schema. */
export interface NameInSchema {
  readonly schema: string;
  readonly name: string;
}

/** One entry of a dump: one or more statements that belong together. */
export interface DumpEntry {
  /** Whether it has to be there before rows are, or is better made after them. */
  readonly section: "pre" | "post";
  /** What it makes, in pg_dump's own words: `TABLE`, `INDEX`, `FK CONSTRAINT`, `ACL`, `COMMENT`, `DEFAULT ACL`, … */
  readonly type: string;
  /** The schema of what it makes; undefined for what is in none. */
  readonly schema: string | undefined;
  /** Its name as pg_dump writes it, which may be several names in one. */
  readonly name: string;
  /** Its owner; "" for what has none. */
  readonly owner: string;
  /**
   * The table, view or sequence that this makes, or that it is attached to; for the sequence of an identity column its
   * table. Undefined for what is attached to none, and for words of a newer server than the parser is made for.
   */
  readonly relation?: NameInSchema;
  /** For a foreign key: the table it refers to. For what says whose a sequence is: the table. */
  readonly references?: NameInSchema;
  /** Complete statements with their terminators. */
  readonly sql: string;
}
