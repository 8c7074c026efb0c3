import type { NamedColumn } from "./named-columns.js";
import type { Fate } from "./request.js";

interface Decision {
  readonly fate: Fate;
  readonly because: string;
}

/**
 * Decides what becomes of the rows that name a user by a column. What a user owns moves; what is about the user, such as
 * the roles of that user, is not another's.
 * @param leaves whether the user is deleted afterwards
 */
export function fateOf(column: NamedColumn, leaves: boolean): Decision {
  if (column.declared === true) return moves("the config lists it");
  if (column.declared === false) return leaves ? undeclared(column) : stays("the config lists other columns");
  if (column.isAboutUser === undefined) return moves(whyOwned(column));
  const because = `about the user: it is ${column.isAboutUser}`;
  return leaves ? goes(column, because) : stays(because);
}

/** A column that the config leaves out records who did something: nobody else did it. */
function undeclared(column: NamedColumn): Decision {
  const because = "the config lists other columns";
  if (column.isAboutUser !== undefined) return goes(column, because);
  if (!column.notNull) return { fate: "emptied", because };
  return moves(`${because}, but it has to name somebody`);
}

function goes(column: NamedColumn, because: string): Decision {
  switch (column.onDelete) {
    case "cascade":
      return { fate: "deleted", because: `${because}, and its foreign key cascades` };
    case "set null":
    case "set default":
      return { fate: "emptied", because: `${because}, and its foreign key empties it` };
    default:
      return column.isProfile
        ? { fate: "deleted", because: `${because}, and stands for the user` }
        : { fate: "blocks", because: `${because}, and its foreign key does not let the user go` };
  }
}

function whyOwned({ through, onDelete, table }: NamedColumn): string {
  if (through) return `through ${through.table.schema}.${through.table.name}, which stands for users`;
  return onDelete === undefined && table.schema === "storage" ? "the owner of files" : "refers to users";
}

function moves(because: string): Decision {
  return { fate: "moves", because };
}

function stays(because: string): Decision {
  return { fate: "stays", because };
}
