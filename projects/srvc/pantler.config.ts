import type { PantlerConfig } from "pantler";

export default {
  name: "srvc",
  // Two companies and an admin, as supabase/seed.sql makes them.
  users: {
    testDomain: "test.local",
    test: [
      {
        role: "owner_a",
        name: "Rosa Lindgren",
        email: "owner-a@test.local",
        metadata: { company: "Brightwater Plumbing" },
      },
      {
        role: "owner_b",
        name: "Tom Okafor",
        email: "owner-b@test.local",
        metadata: { company: "Northgate Heating" },
      },
      { role: "admin", name: "Ines Duarte", email: "admin@test.local" },
    ],
  },
  // Their addresses come from STAGING_DATABASE_URL and PRODUCTION_DATABASE_URL, or from DATABASE_URL in
  // .env.staging and .env.production.
  environments: {
    staging: { backups: { store: "backups/staging" } },
    production: { backups: { store: "backups/production" } },
  },
} satisfies PantlerConfig;
