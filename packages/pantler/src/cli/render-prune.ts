import type { PruneResult } from "../index.js";
import { counted } from "../operation/index.js";
import { inColumns } from "./columns.js";
import type { Paint } from "./output.js";
import { size } from "./quantities.js";

/** What is kept and why, and what goes. */
export function renderPrune(
  { kept, removed, swept, bytes }: PruneResult,
  isPlan: boolean,
  paint: Paint,
): string {
  const goes = isPlan ? "goes" : "removed";
  const lines = inColumns([
    ...kept.map(({ id, because }) => [
      { text: "kept", paint: paint.good },
      { text: id },
      { text: because.join(", "), paint: paint.dim },
    ]),
    ...removed.map((id) => [{ text: goes, paint: paint.warning }, { text: id }]),
  ]);
  const leftovers =
    swept.length > 0 ? `, and what ${counted(swept.length, "broken-off one")} left behind` : "";
  const total = isPlan
    ? `${counted(removed.length, "backup")} would go.`
    : `${counted(removed.length, "backup")} removed${leftovers}; ${size(bytes)} freed.`;
  return [...lines, total].join("\n");
}
