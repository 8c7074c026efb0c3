import { InputError } from "../../operation/index.js";
import type { Client } from "../../postgres/index.js";
import type { Catalog } from "./catalog.js";
import { textOf } from "./copy-text.js";
import type { DomainFacts, Domains } from "./domain-facts.js";
import type { Draw } from "./draw.js";
import { evaluate, parseExpression, unknown } from "./expression.js";
import { hintsOf } from "./hints.js";
import { judgeDomainValues } from "./server-check.js";
import { makeValue } from "./values.js";

/**
 * Reads the checks of all domains. Where only the server can judge a value, it judges a stock of them.
 * @param stock how many values of such a domain to try
 * @throws InputError `seed-rows-impossible` where it allows none
 */
export async function readDomains(
  client: Client,
  { types }: Pick<Catalog, "types">,
  draw: Draw,
  now: Date,
  stock: number,
): Promise<Domains> {
  const domains = new Map<number, DomainFacts>();
  for (const type of types.values()) {
    if (type.kind !== "d") continue;
    const checks = type.checks.map(parseExpression);
    domains.set(type.oid, { hints: hintsOf(checks).get("value") ?? {}, checks, values: undefined });
  }
  for (const [oid, facts] of domains) {
    const type = types.get(oid);
    const base = type?.base === null || type?.base === undefined ? undefined : types.get(type.base);
    if (!type || !base || facts.checks.length === 0) continue;
    const request = {
      column: type.name,
      type,
      modifier: -1,
      hints: {},
      types,
      domains,
      isUnique: true,
      rows: stock,
      now,
    };
    draw.begin(`domain ${type.sql}`);
    const sample = makeValue(request, draw, { index: 0, attempt: 0 });
    if (sample !== undefined && !facts.checks.some((check) => evaluate(check, { value: sample }) === unknown))
      continue;
    const values = Array.from({ length: stock }, (_none, index) =>
      makeValue(request, draw, { index, attempt: index % 3 }),
    );
    const made = values.filter((value) => value !== undefined);
    const allowed = await judgeDomainValues(
      client,
      type,
      base,
      made.map((value) => textOf(value, base, types)),
    );
    if (allowed.size === 0) throw noValues(type.sql);
    domains.set(oid, { ...facts, values: made.filter((_value, index) => allowed.has(index)) });
  }
  return domains;
}

function noValues(domain: string): InputError {
  return new InputError({
    code: "seed-rows-impossible",
    message: `No value was found that the domain ${domain} allows.`,
    state: "Nothing was kept.",
    remedy: "Declare the columns of that domain in the seed definition.",
  });
}
