import type { PantlerConfig } from "pantler";

export default {
  name: "kitchenpantry",
  folders: { migrations: "db/sql", rollbacks: "db/rollback", checks: "db/checks" },
  seed: ["db/seeds/demo.sql"],
} satisfies PantlerConfig;
