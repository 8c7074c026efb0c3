// The SQL of the base and of the stub extensions is read from disk at run time, so it has to stand beside the compiled code.
import { cpSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const source = fileURLToPath(new URL("../src/engine/base", import.meta.url));
const target = fileURLToPath(new URL("../dist/engine/base", import.meta.url));

rmSync(target, { recursive: true, force: true });
cpSync(source, target, { recursive: true });
