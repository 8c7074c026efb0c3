/** A number with its thousands set apart. */
export function grouped(amount: number): string {
  return Math.round(amount).toLocaleString("en-US");
}

/** A number of things, with their name. */
export function counted(amount: number, one: string, many = `${one}s`): string {
  return `${grouped(amount)} ${Math.round(amount) === 1 ? one : many}`;
}

/** A duration in milliseconds as a person says it. */
export function timeInWords(milliseconds: number): string {
  if (milliseconds < 999.5) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 59_950) return `${(milliseconds / 1000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** The first of many texts, and how many more there are. */
export function atMost(texts: readonly string[], most: number): string[] {
  return texts.length > most ? [...texts.slice(0, most), `and ${texts.length - most} more`] : [...texts];
}

/** An error's text. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
