const units = ["bytes", "kB", "MB", "GB", "TB"];

/** A number of bytes as a person reads it. */
export function size(bytes: number): string {
  let unit = 0;
  let amount = bytes;
  while (amount >= 1000 && unit < units.length - 1) {
    amount /= 1024;
    unit += 1;
  }
  return `${unit === 0 || amount >= 100 ? Math.round(amount) : amount.toFixed(1)} ${units[unit]}`;
}

const ages: readonly (readonly [milliseconds: number, unit: string])[] = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "min"],
];

/**
 * How long ago something was.
 * @param moment an ISO 8601 text
 */
export function age(moment: string, now: Date): string {
  const passed = now.getTime() - Date.parse(moment);
  const found = ages.find(([milliseconds]) => passed >= milliseconds);
  // A clock that was set back shows moments that are still to come.
  if (!found) return passed < 0 ? "in the future" : "just now";
  return `${Math.floor(passed / found[0])} ${found[1]} ago`;
}
