/** A number with its thousands set apart, and what is counted. */
export function counted(amount: number, one: string, many = `${one}s`): string {
  return `${Math.round(amount).toLocaleString("en-US")} ${Math.round(amount) === 1 ? one : many}`;
}

/** A time as a person says it. */
export function timeInWords(milliseconds: number): string {
  if (milliseconds < 999.5) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 59_950) return `${(milliseconds / 1000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** A file's place in few words: the migration's file name says where it is. */
export function placeOf({ file, line }: { readonly file: string; readonly line: number }): string {
  return `${file.slice(file.lastIndexOf("/") + 1)}:${line}`;
}
