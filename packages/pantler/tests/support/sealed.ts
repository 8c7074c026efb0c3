import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";

/** Changes what a manifest says, and seals it again, as somebody would who knows how. */
export function rewriteManifest(file: string, change: (manifest: Record<string, unknown>) => void): void {
  const manifest = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
  change(manifest);
  const { sha256: _, ...content } = manifest;
  const body = JSON.stringify(content, undefined, 2).replace(/\n\}$/, "");
  const hash = createHash("sha256").update(body).digest("hex");
  writeFileSync(file, `${body},\n  "sha256": "${hash}"\n}\n`);
}
