import type { MeasuredStatement } from "./measured.js";

/** What others will notice of a migration. */
export interface Risk {
  readonly sentence: string;
  /** Larger is worse; whatever is lost comes before whatever waits. */
  readonly weight: number;
}

/** Others hardly notice a wait that is shorter, in milliseconds. */
export const noticed = 50;

/** How long a statement's locks stay. */
export function untilWhen({ transaction }: MeasuredStatement): string {
  return transaction === undefined ? "until it is done" : "until the deployment commits";
}
