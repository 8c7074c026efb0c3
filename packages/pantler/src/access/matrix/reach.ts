import type { Client } from "../../postgres/index.js";
import { type BodyWords, readBody } from "./body-words.js";
import type { Command } from "./matrix.js";
import { type FunctionFacts, type ReachFacts, readReachFacts } from "./reach-facts.js";

/** Extensions whose functions do things that no rollback takes back. */
const outward = new Set([
  "adminpack",
  "aws_lambda",
  "aws_s3",
  "dblink",
  "file_fdw",
  "http",
  "lo",
  "pg_net",
  "plperlu",
  "plpython3u",
  "postgres_fdw",
  "wrappers",
]);

/** Functions of the server that do. Locks of a session, too, outlast a rollback. */
const lasting =
  /^(dblink|http|lo_|nextval|setval|pg_(terminate|cancel)_backend|pg_reload_conf|pg_rotate_logfile|pg_switch_wal|pg_file_|pg_logical_emit_message|pg_create_|pg_drop_|pg_replication_|pg_stat_reset|pg_(try_)?advisory_lock)/;

/** Schemas of extensions that send requests. */
const outwardSchemas = ["net", "http"];

const writing = ["insert", "update", "delete", "merge", "truncate"];

/** Bits of `pg_trigger.tgtype`, as PostgreSQL's pg_trigger.h has them. */
const bitOf: Readonly<Record<Command, number>> = { select: 0, insert: 4, delete: 8, update: 16 };
const before = 2;
const insteadOf = 64;

/**
 * Tells which statements would do something that no rollback takes back: reach another machine, write a file, take a
 * number from a sequence. It reads the text of functions and errs on the side of saying yes.
 */
export class Reach {
  readonly #facts: ReachFacts;
  readonly #functions = new Map<string, FunctionFacts>();
  readonly #byName = new Map<string, string[]>();
  readonly #relations = new Map<string, ReachFacts["relations"][number]>();
  readonly #relationsByName = new Map<string, string[]>();
  readonly #known = new Map<string, string | undefined>();
  readonly #active = new Set<string>();

  constructor(facts: ReachFacts) {
    this.#facts = facts;
    for (const each of facts.functions) {
      this.#functions.set(each.oid, each);
      this.#byName.set(each.name, [...(this.#byName.get(each.name) ?? []), each.oid]);
    }
    for (const each of facts.relations) {
      this.#relations.set(each.oid, each);
      this.#relationsByName.set(each.name, [...(this.#relationsByName.get(each.name) ?? []), each.oid]);
    }
  }

  /** @returns what reading the relation would do beyond a rollback's reach, in words; undefined where nothing */
  ofReading(relation: string): string | undefined {
    return this.#once(`read ${relation}`, () => {
      const { isForeign, title = relation } = this.#relations.get(relation) ?? {};
      if (isForeign) return `${title} is a foreign table, and asking it reaches another server`;
      return first(this.#facts.whenRead, (each) => {
        if (each.relation !== relation) return undefined;
        return (each.function && this.ofCalling(each.function)) || (each.reads && this.ofReading(each.reads));
      });
    });
  }

  /** The same for trying a command, whose triggers after the row do not run. */
  ofTrying(relation: string, command: Command): string | undefined {
    return this.#ofWriting(relation, command, before | insteadOf);
  }

  /** The same for a command that runs to its end. */
  ofCompleting(relation: string, command: Command): string | undefined {
    return this.#ofWriting(relation, command, undefined);
  }

  /** The same for calling a function. */
  ofCalling(id: string): string | undefined {
    return this.#once(`call ${id}`, () => {
      const found = this.#functions.get(id);
      if (!found) return undefined;
      const { title, extension, language, trusted, body } = found;
      if (extension !== null) {
        return outward.has(extension) ? `${title} of the extension ${extension} reaches outside` : undefined;
      }
      if (!trusted || (language !== "sql" && language !== "plpgsql")) {
        return `${title} is written in ${language}, in which it may do anything`;
      }
      return this.#ofBody(title, readBody(body));
    });
  }

  /** Whether calling a function may write anything at all, as far as its own text says. */
  writes(id: string): boolean {
    const { words } = readBody(this.#functions.get(id)?.body ?? "");
    return writing.some((word) => words.has(word));
  }

  /** @param times the bits of which a trigger has one; without them all triggers are meant */
  #ofWriting(relation: string, command: Command, times: number | undefined): string | undefined {
    return this.#once(`${command} ${relation} ${times ?? "all"}`, () => {
      const { triggers, whenWritten, whenRead, children } = this.#facts;
      return (
        this.ofReading(relation) ??
        first(triggers, (trigger) => {
          const isOurs = trigger.relation === relation && (trigger.bits & bitOf[command]) !== 0;
          if (!isOurs || (times !== undefined && (trigger.bits & times) === 0)) return undefined;
          const why = this.ofCalling(trigger.function);
          return why && `its trigger ${trigger.name} would run: ${why}`;
        }) ??
        first(whenWritten, (each) =>
          each.relation === relation && each.function ? this.ofCalling(each.function) : undefined,
        ) ??
        first(children, ({ parent, child }) =>
          parent === relation ? this.#ofWriting(child, command, times) : undefined,
        ) ??
        // What changes a view changes the tables below it.
        first(this.#relations.get(relation)?.isView ? whenRead : [], (each) =>
          each.relation === relation && each.reads ? this.#ofWriting(each.reads, command, times) : undefined,
        )
      );
    });
  }

  #ofBody(title: string, { words, called, qualifying }: BodyWords): string | undefined {
    if (words.has("execute")) return `${title} runs SQL that it puts together, which cannot be read`;
    if (words.has("copy") && words.has("program")) return `${title} starts programs`;
    const request = outwardSchemas.find((schema) => qualifying.has(schema));
    if (request !== undefined) return `${title} sends requests (${request})`;
    const call = [...called].find((name) => lasting.test(name));
    if (call !== undefined) return `${title} calls ${call}, which no rollback takes back`;
    const isWriting = writing.some((word) => words.has(word));
    return (
      first(called, (name) => first(this.#byName.get(name) ?? [], (id) => this.ofCalling(id))) ??
      first(words, (name) =>
        first(this.#relationsByName.get(name) ?? [], (id) => {
          const relation = this.#relations.get(id);
          if (!isWriting) return this.ofReading(id);
          if (relation?.takesNumbers && (words.has("insert") || words.has("merge"))) {
            return `${title} may put a row into ${relation.title}, which takes a number from a sequence`;
          }
          return first(["insert", "update", "delete"] as const, (command) => this.ofCompleting(id, command));
        }),
      )
    );
  }

  /** Things may refer to each other in a circle; what is being looked at already adds nothing. */
  #once(key: string, find: () => string | undefined): string | undefined {
    if (this.#known.has(key)) return this.#known.get(key);
    if (this.#active.has(key)) return undefined;
    this.#active.add(key);
    const found = find();
    this.#active.delete(key);
    // Inside of a circle "nothing" may only mean that the rest is still being looked at.
    if (found !== undefined || this.#active.size === 0) this.#known.set(key, found);
    return found;
  }
}

/** Reads what statements may set going. */
export async function readReach(client: Client): Promise<Reach> {
  return new Reach(await readReachFacts(client));
}

function first<Each>(
  all: Iterable<Each>,
  find: (each: Each) => string | null | undefined | "",
): string | undefined {
  for (const each of all) {
    const found = find(each);
    if (found) return found;
  }
  return undefined;
}
