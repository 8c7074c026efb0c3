/** What stands in a table's cell. */
export interface Cell {
  readonly text: string;
  /** Colours it, once its width is known. */
  readonly paint?: ((text: string) => string) | undefined;
  readonly right?: boolean | undefined;
}

const gap = "  ";

/** Takes out what would do something to a terminal: names of tables and of backups may hold anything. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Control}\p{Surrogate}\u2028-\u202e\u2066-\u2069]/gu, "\ufffd");
}

/** Puts rows of cells below each other, each column as wide as its widest cell. */
export function inColumns(rows: readonly (readonly Cell[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [place, { text }] of row.entries()) {
      widths[place] = Math.max(widths[place] ?? 0, widthOf(printable(text)));
    }
  }
  return rows.map((row) =>
    row
      .map((cell, place) => {
        const isLast = place === row.length - 1;
        const text = printable(cell.text);
        const space = " ".repeat((widths[place] ?? 0) - widthOf(text));
        const painted = (cell.paint ?? ((plain: string) => plain))(text);
        if (cell.right) return `${space}${painted}`;
        return isLast ? painted : `${painted}${space}`;
      })
      .join(gap)
      .trimEnd(),
  );
}

/** Names on the left, what they are on the right. */
export function inPairs(
  pairs: readonly (readonly [name: string, value: string])[],
  paintName: (text: string) => string,
): string[] {
  const width = Math.max(...pairs.map(([name]) => name.length));
  return pairs.map(([name, value]) => `  ${paintName(name.padEnd(width))}  ${value}`);
}

function widthOf(text: string): number {
  return [...text].length;
}
