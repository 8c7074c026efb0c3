import { quoteLiteral } from "../postgres/index.js";

/**
 * Wraps a statement so that it runs under a condition only. The statement's own text is not touched: it stands in the
 * block as a literal.
 * @param condition SQL that is true where the statement is to run
 * @param otherwise a statement for where it is not
 */
export function when(condition: string, statement: string, otherwise?: string): string {
  const last = otherwise === undefined ? "" : `  else\n    execute ${quoteLiteral(otherwise)};\n`;
  return block(`  if ${condition} then\n    execute ${quoteLiteral(statement)};\n${last}  end if;\n`);
}

/** Wraps statements so that a role that may not run one goes on without all of them, and is told so. */
export function whereAllowed(statements: readonly string[]): string {
  return block(
    statements.map((statement) => `  execute ${quoteLiteral(statement)};\n`).join("") +
      "exception when insufficient_privilege then\n" +
      "  raise notice 'left out, since % may not: %', current_user, sqlerrm;\n",
  );
}

/** An anonymous block with these lines. */
export function block(lines: string, declarations = ""): string {
  const declare = declarations === "" ? "" : `declare\n${declarations}`;
  const body = `\n${declare}begin\n${lines}end\n`;
  let tag = "$pantler$";
  while (body.includes(tag)) tag = tag.replace(/\$$/, "_$");
  return `do ${tag}${body}${tag}`;
}
