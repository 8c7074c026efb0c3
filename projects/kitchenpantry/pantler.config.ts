import type { PantlerConfig } from "pantler";

export default {
  name: "kitchenpantry",
  folders: { migrations: "db/sql", rollbacks: "db/rollback", checks: "db/checks" },
  seed: ["db/seeds/demo.sql"],
  // The two people whom the seed makes.
  access: {
    identities: [
      { name: "admin", email: "mara@pantry.test" },
      { name: "broker", email: "jonas@pantry.test" },
    ],
  },
  // Its address comes from PRODUCTION_DATABASE_URL, or from DATABASE_URL in .env.production.
  environments: { production: {} },
} satisfies PantlerConfig;
