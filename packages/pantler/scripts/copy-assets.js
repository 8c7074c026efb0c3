// What is read from disk at run time has to stand beside the compiled code: the SQL of the base and of the stub
// extensions, and the thread of pg_dump, which is no TypeScript.
import { cpSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

for (const path of ["engine/base", "schema/pg-dump-worker.js"]) {
  const source = fileURLToPath(new URL(`../src/${path}`, import.meta.url));
  const target = fileURLToPath(new URL(`../dist/${path}`, import.meta.url));
  rmSync(target, { recursive: true, force: true });
  cpSync(source, target, { recursive: true });
}
