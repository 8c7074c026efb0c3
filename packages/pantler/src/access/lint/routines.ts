import { callerFunctions } from "../../migrations/index.js";
import type { Facts, RelationFacts, RoutineFacts } from "./facts.js";
import { namesInBody, stringsInBody } from "./routine-body.js";

/** What a function's body does, as far as its words tell. */
interface Analysis {
  readonly tables: readonly RelationFacts[];
  readonly calls: readonly RoutineFacts[];
  readonly asks: boolean;
  readonly userMetadata: boolean;
  readonly words: ReadonlySet<string>;
}

/** The functions of a database, and what their bodies read and call. */
export class Routines {
  readonly #facts: Facts;
  readonly #byName = new Map<string, RoutineFacts[]>();
  readonly #analyses = new Map<RoutineFacts, Analysis>();

  constructor(facts: Facts) {
    this.#facts = facts;
    for (const routine of facts.routines) {
      const name = `${routine.schema}.${routine.name}`.toLowerCase();
      this.#byName.set(name, [...(this.#byName.get(name) ?? []), routine]);
    }
  }

  /** The functions that a qualified name in lower case may mean. */
  named(name: string): readonly RoutineFacts[] {
    return this.#byName.get(name) ?? [];
  }

  /** Whether a function asks who is asking, itself or through one that it calls. */
  asks(routine: RoutineFacts): boolean {
    return this.withCalled(routine).some((each) => this.#analyse(each).asks);
  }

  /** Whether a function reads what users may write about themselves into their tokens. */
  readsUserMetadata(routine: RoutineFacts): boolean {
    return this.withCalled(routine).some((each) => this.#analyse(each).userMetadata);
  }

  /** The tables that a function names, itself or through one that it calls. */
  tables(routine: RoutineFacts): RelationFacts[] {
    return [...new Set(this.withCalled(routine).flatMap((each) => this.#analyse(each).tables))];
  }

  /** Every string in the bodies of a function and of what it calls. */
  strings(routine: RoutineFacts): string[] {
    return this.withCalled(routine).flatMap(stringsInBody);
  }

  /** Every name in a function's body, in lower case where it is not quoted. */
  words(routine: RoutineFacts): ReadonlySet<string> {
    return this.#analyse(routine).words;
  }

  /** A function and all that it calls. */
  withCalled(routine: RoutineFacts): RoutineFacts[] {
    const found = new Set([routine]);
    for (const each of found) for (const called of this.#analyse(each).calls) found.add(called);
    return [...found];
  }

  #analyse(routine: RoutineFacts): Analysis {
    const known = this.#analyses.get(routine);
    if (known) return known;
    const names = namesInBody(routine);
    const path = schemasOf(routine);
    const called = names.filter(({ isCall }) => isCall);
    const analysis = {
      tables: names.flatMap(({ parts, isTable }) => (isTable ? (this.#table(parts, path) ?? []) : [])),
      calls: called.flatMap(({ parts }) => this.#routines(parts, path)),
      asks: called.some(({ parts }) => ways(parts, path).some((name) => callerFunctions.has(name))),
      userMetadata:
        stringsInBody(routine).some((text) => text.includes("user_metadata")) ||
        names.some(({ parts }) => parts.at(-1) === "raw_user_meta_data"),
      words: new Set(names.flatMap(({ parts }) => parts)),
    };
    this.#analyses.set(routine, analysis);
    return analysis;
  }

  #table(parts: readonly string[], path: readonly string[]): RelationFacts | undefined {
    const wanted = ways(parts, path);
    return this.#facts.relations.find(({ schema, name }) => wanted.includes(`${schema}.${name}`));
  }

  #routines(parts: readonly string[], path: readonly string[]): readonly RoutineFacts[] {
    return ways(parts, path).flatMap((name) => this.named(name.toLowerCase()));
  }
}

/** The qualified names that a name may stand for. */
function ways(parts: readonly string[], path: readonly string[]): string[] {
  const name = parts.join(".");
  return parts.length > 1 ? [name] : [name, ...path.map((schema) => `${schema}.${name}`)];
}

/** Where a function looks for names without a schema. */
function schemasOf({ searchPath, schema }: RoutineFacts): string[] {
  if (searchPath === null) return ["public", schema];
  return searchPath.split(",").map((each) => each.trim().replaceAll('"', ""));
}
