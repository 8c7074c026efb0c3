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
