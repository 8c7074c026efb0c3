import { createHash } from "node:crypto";

const seal = /,\n {2}"sha256": "([0-9a-f]{64})"\n\}\n$/;

/** The text of a JSON object whose last property is the hash of all that comes before it. */
export function renderSealed(content: object): string {
  const body = JSON.stringify(content, undefined, 2).replace(/\n\}$/, "");
  return `${body},\n  "sha256": "${hashOf(body)}"\n}\n`;
}

/** What such a text holds, and whether it is still what was written. */
export function readSealed(text: string): {
  /** Undefined when it is no JSON object. */
  readonly content: Readonly<Record<string, unknown>> | undefined;
  /** Its hash; undefined when any byte was changed. */
  readonly sha256: string | undefined;
} {
  const [tail = "", sha256] = seal.exec(text) ?? [];
  const intact = sha256 !== undefined && hashOf(text.slice(0, text.length - tail.length)) === sha256;
  return { content: readObject(text), sha256: intact ? sha256 : undefined };
}

function readObject(text: string): Record<string, unknown> | undefined {
  try {
    const content: unknown = JSON.parse(text);
    return typeof content === "object" && content !== null ? { ...content } : undefined;
  } catch {
    return undefined;
  }
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
