import type { TypeFacts } from "./catalog.js";
import type { Domains } from "./domain-facts.js";
import type { Draw } from "./draw.js";
import { evaluate, momentOf } from "./expression.js";
import { type Hints, joinHints } from "./hints.js";
import { textFor } from "./words.js";

/** What a value is made for. */
export interface ValueRequest {
  /** The column's name, which texts suit. */
  readonly column: string;
  readonly type: TypeFacts;
  /** The type's own modifier, such as a length; -1 for none. */
  readonly modifier: number;
  readonly hints: Hints;
  readonly types: ReadonlyMap<number, TypeFacts>;
  readonly domains: Domains;
  /** Whether no two rows may share it. */
  readonly isUnique: boolean;
  /** How many rows there are to be. */
  readonly rows: number;
  readonly now: Date;
}

/** For which row, and at which attempt, a value is made. */
export interface Place {
  readonly index: number;
  readonly attempt: number;
}

/** Makes a value; undefined for a type of which none can be made. */
export function makeValue(request: ValueRequest, draw: Draw, place: Place): unknown {
  const { type, hints, types } = request;
  if (type.kind === "d") return makeOfDomain(request, draw, place);
  if (hints.choices && hints.choices.length > 0) return draw.pick(hints.choices);
  if (type.kind === "e") return type.labels.length === 0 ? undefined : draw.pick(type.labels);
  const element = type.element === null ? undefined : types.get(type.element);
  if (element) {
    const length = draw.whole(hints.shortest ?? 0, Math.max(hints.shortest ?? 0, 3));
    const request_ = { ...request, type: element, hints: {}, isUnique: false };
    const values = Array.from({ length }, () => makeValue(request_, draw, place));
    return values.includes(undefined) ? undefined : values;
  }
  const subtype = type.subtype === null ? undefined : types.get(type.subtype);
  if (type.kind === "m" && subtype) {
    const range = makeValue({ ...request, type: subtype }, draw, place);
    return range === undefined ? undefined : `{${String(range)}}`;
  }
  if (type.kind === "r") return rangeOf(subtype?.name ?? "", request, draw, place);
  return makers[type.name]?.(request, draw, place);
}

/** So often a value of a domain is tried. */
const domainPatience = 200;

function makeOfDomain(request: ValueRequest, draw: Draw, place: Place): unknown {
  const { type, types, domains } = request;
  const domain = domains.get(type.oid);
  const base = type.base === null ? undefined : types.get(type.base);
  if (domain?.values && domain.values.length > 0) return draw.pick(domain.values);
  if (!base) return undefined;
  const hints = joinHints(request.hints, domain?.hints ?? {});
  for (let attempt = place.attempt; attempt < place.attempt + domainPatience; attempt += 1) {
    const value = makeValue({ ...request, type: base, modifier: type.baseModifier, hints }, draw, {
      ...place,
      attempt,
    });
    const refused = domain?.checks.some((check) => evaluate(check, { value }) === false) ?? false;
    if (value === undefined || !refused) return value;
  }
  return undefined;
}

type Maker = (request: ValueRequest, draw: Draw, place: Place) => unknown;

const day = 86_400_000;

function whole(limit: number): Maker {
  return ({ column, hints, isUnique, rows }, draw) => {
    const { least, most } = numbers(hints);
    const usual = usualNumber(column);
    const span = isUnique ? Math.max(1000, rows * 20) : usual;
    const from = Math.ceil(Math.max(-limit - 1, least ?? lowest(1, most, span)));
    const to = Math.floor(Math.min(limit, most ?? Math.max(from, from - 1 + span)));
    return to < from ? from : draw.whole(from, to);
  };
}

/** How far numbers go that have no bounds. */
function usualNumber(column: string): number {
  if (/percent|probability|rating|score/.test(column)) return 100;
  if (/index|position|sort|rank|level/.test(column)) return 50;
  return 1000;
}

function numbers({ least, most }: Hints): { least: number | undefined; most: number | undefined } {
  return {
    least: typeof least === "number" ? least : undefined,
    most: typeof most === "number" ? most : undefined,
  };
}

/** Where numbers begin that have no lower bound: at the usual place, unless the upper one is below it. */
function lowest(usual: number, most: number | undefined, span: number): number {
  return most === undefined || most >= usual ? usual : most - span;
}

const decimal: Maker = ({ column, modifier, hints, isUnique, rows }, draw) => {
  const scale = modifier < 0 ? 2 : (((modifier - 4) & 0x7ff) ^ 1024) - 1024;
  const digits = modifier < 0 ? 12 : ((modifier - 4) >> 16) & 0xffff;
  const decimals = Math.max(0, Math.min(scale, 6));
  const limit = 10 ** Math.min(digits - scale, 12) - 10 ** -decimals;
  const { least, most } = numbers(hints);
  const span = isUnique ? Math.max(1000, rows * 20) : usualNumber(column) * 5;
  const from = Math.max(-limit, least ?? lowest(0, most, span));
  const to = Math.min(limit, most ?? from + span);
  const step = 10 ** decimals;
  const value = Math.round((from + draw.next() * (to - from)) * step) / step;
  return Number(Math.min(to, Math.max(from, value)).toFixed(decimals));
};

const floating: Maker = ({ hints }, draw) => {
  const { least, most } = numbers(hints);
  const from = least ?? lowest(0, most, 1000);
  return Math.round((from + draw.next() * ((most ?? from + 1000) - from)) * 8) / 8;
};

const text: Maker = (request, draw, { index, attempt }) => {
  const { column, modifier, hints, isUnique } = request;
  const limit = Math.min(
    modifier < 0 ? Number.POSITIVE_INFINITY : modifier - 4,
    hints.longest ?? Number.POSITIVE_INFINITY,
  );
  let value = hints.pattern === undefined ? textFor(column, draw) : likePattern(hints.pattern, draw);
  // What has to differ and did not gets something of its own.
  if (isUnique && attempt > 0 && hints.pattern === undefined) {
    const own =
      attempt < 20
        ? ` ${index + 1}${attempt > 1 ? `-${attempt}` : ""}`
        : ` ${draw.faker.string.alphanumeric(6)}`;
    value =
      own.length > limit
        ? draw.faker.string.alphanumeric(Math.max(1, limit))
        : value.slice(0, limit - own.length) + own;
  }
  if (hints.shortest !== undefined && value.length < hints.shortest) {
    value += draw.faker.string.alpha({ length: hints.shortest - value.length, casing: "lower" });
  }
  if (value.length > limit) {
    value = value.slice(0, limit).trimEnd();
    if (value.length < (hints.shortest ?? 0)) value += "x".repeat((hints.shortest ?? 0) - value.length);
  }
  if (hints.letters === "lower") return value.toLowerCase();
  return hints.letters === "upper" ? value.toUpperCase() : value;
};

/** A text that a simple pattern describes; whether it does is looked at afterwards. */
function likePattern(pattern: string, { faker }: Draw): string {
  const plain = pattern
    .replace(/^\^/, "")
    .replace(/\$$/, "")
    .replaceAll("\\d", "[0-9]")
    .replaceAll("\\w", "[a-z]");
  try {
    return faker.helpers.fromRegExp(plain);
  } catch {
    // It understands few patterns; the check then says which it was.
    return plain;
  }
}

/** A moment near the one that dates are relative to, by what the column is called. */
function momentFor({ column, hints, now }: ValueRequest, draw: Draw): Date {
  const bound = (text: number | string | undefined) =>
    typeof text === "string" ? momentOf(text) : Number.NaN;
  const [least, most] = [bound(hints.least), bound(hints.most)];
  const future = /due|expir|until|next|reminder|expected|scheduled|estimated/.test(column);
  const birth = /birth/.test(column);
  let from = now.getTime() + (future ? 1 : birth ? -24_000 : -365) * day;
  let to = now.getTime() + (future ? 180 : birth ? -7000 : -1) * day;
  if (!Number.isNaN(least) && !Number.isNaN(most)) [from, to] = [least, most];
  else if (!Number.isNaN(least))
    [from, to] = from >= least ? [from, to] : [least, Math.max(to, least + 180 * day)];
  else if (!Number.isNaN(most))
    [from, to] = to <= most ? [from, to] : [Math.min(from, most - 180 * day), most];
  return new Date(Math.floor((from + draw.next() * (to - from)) / 1000) * 1000);
}

const hexadecimal = (draw: Draw, length: number) =>
  draw.faker.string.hexadecimal({ length, casing: "lower", prefix: "" });

const makers: Readonly<Record<string, Maker>> = {
  int2: whole(32_767),
  int4: whole(2_147_483_647),
  int8: whole(Number.MAX_SAFE_INTEGER),
  numeric: decimal,
  money: decimal,
  float4: floating,
  float8: floating,
  bool: ({ column }, draw) => draw.chance(/disabled|deleted|archived|blocked/.test(column) ? 0 : 0.5),
  text,
  varchar: text,
  bpchar: text,
  citext: text,
  name: (request, draw, place) => text({ ...request, modifier: 67 }, draw, place),
  uuid: (_request, draw) => draw.faker.string.uuid(),
  date: (request, draw) => momentFor(request, draw).toISOString().slice(0, 10),
  timestamptz: (request, draw) => momentFor(request, draw).toISOString(),
  timestamp: (request, draw) => momentFor(request, draw).toISOString().slice(0, 19),
  time: (_request, draw) => clock(draw),
  timetz: (_request, draw) => `${clock(draw)}+00`,
  interval: (_request, draw) => `${draw.whole(1, 90)} days`,
  json: (_request, draw) => ({ [draw.faker.lorem.word()]: draw.whole(1, 100) }),
  jsonb: (_request, draw) => ({ [draw.faker.lorem.word()]: draw.whole(1, 100) }),
  bytea: (_request, draw) => `\\x${hexadecimal(draw, 16)}`,
  inet: (_request, draw) => `192.0.${draw.whole(0, 255)}.${draw.whole(1, 254)}`,
  cidr: (_request, draw) => `10.${draw.whole(0, 255)}.${draw.whole(0, 255)}.0/24`,
  macaddr: (_request, draw) => (hexadecimal(draw, 12).match(/../g) ?? []).join(":"),
  macaddr8: (_request, draw) => (hexadecimal(draw, 16).match(/../g) ?? []).join(":"),
  bit: ({ modifier }, draw) => bits(draw, Math.max(1, modifier)),
  varbit: ({ modifier }, draw) => bits(draw, draw.whole(1, modifier < 0 ? 8 : modifier)),
  point: (_request, draw) => `(${draw.whole(-90, 90)},${draw.whole(-180, 180)})`,
  box: (_request, draw) => `(${draw.whole(1, 9)},${draw.whole(1, 9)}),(0,0)`,
  circle: (_request, draw) => `<(0,0),${draw.whole(1, 9)}>`,
  tsvector: (_request, draw) => `'${draw.faker.lorem.word()}'`,
  xml: (_request, draw) => `<note>${draw.faker.lorem.word()}</note>`,
};

function clock(draw: Draw): string {
  const two = (most: number) => String(draw.whole(0, most)).padStart(2, "0");
  return `${two(23)}:${two(59)}:${two(59)}`;
}

function bits(draw: Draw, length: number): string {
  return Array.from({ length }, () => (draw.chance(0.5) ? "1" : "0")).join("");
}

/** Ranges of different rows never meet, so that constraints which exclude overlaps hold. */
function rangeOf(subtype: string, { now }: ValueRequest, draw: Draw, { index }: Place): string | undefined {
  const start = index * 10;
  const end = start + draw.whole(1, 9);
  const moment = (days: number) => new Date(now.getTime() + days * day).toISOString();
  switch (subtype) {
    case "int4":
    case "int8":
    case "numeric":
      return `[${start},${end})`;
    case "date":
      return `[${moment(start % 300_000).slice(0, 10)},${moment(end % 300_000).slice(0, 10)})`;
    case "timestamp":
      return `[${moment(start % 300_000).slice(0, 19)},${moment(end % 300_000).slice(0, 19)})`;
    case "timestamptz":
      return `[${moment(start % 300_000)},${moment(end % 300_000)})`;
    default:
      return undefined;
  }
}
