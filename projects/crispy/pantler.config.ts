import type { PantlerConfig } from "pantler";

export default {
  // The single seed file makes this one, for a database that nobody but its developer reaches.
  users: {
    testDomain: "test.local",
    seeded: ["admin@test.com"],
    test: [
      {
        role: "admin",
        name: "Admin User",
        email: "admin@test.local",
        variable: "TEST_ADMIN_EMAIL",
        metadata: { first_name: "Admin", last_name: "User", role: "admin" },
      },
      {
        role: "sales_director",
        name: "Sales Director",
        email: "director@test.local",
        variable: "TEST_DIRECTOR_EMAIL",
        metadata: { first_name: "Sales", last_name: "Director", role: "sales_director" },
      },
      {
        role: "account_manager",
        name: "Account Manager",
        email: "manager@test.local",
        variable: "TEST_MANAGER_EMAIL",
        metadata: { first_name: "Account", last_name: "Manager", role: "account_manager" },
      },
    ],
  },
  // Who changed something stays who did, whoever takes over.
  access: { owners: { "audit.change_log": [] } },
  data: "seed.ts",
  // Its address comes from PRODUCTION_DATABASE_URL, or from DATABASE_URL in .env.production.
  environments: { production: {} },
} satisfies PantlerConfig;
