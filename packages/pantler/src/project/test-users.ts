/** What the config may say of users. */
export interface UserConfig {
  /** The domain of addresses that belong to nobody; by default `test.local`. */
  testDomain?: string | undefined;
  /** Addresses of another domain that the seed files make, and that are nobody's either. */
  seeded?: string[] | undefined;
  /** The users that `pantler user create-test` makes. */
  test?: TestUserConfig[] | undefined;
}

/** A test user as the config declares it. */
export interface TestUserConfig {
  /** What the user is in the project; also what the seed definition calls it. No two users share one. */
  role: string;
  /** The full name, such as `Admin User`. */
  name: string;
  email: string;
  /** The variable that, where it is set, holds another address. */
  variable?: string | undefined;
  /** What else `raw_user_meta_data` holds; what the user could edit, so nothing should trust it. */
  metadata?: Record<string, unknown> | undefined;
  /** What else `raw_app_meta_data` holds; the user cannot edit it. */
  appMetadata?: Record<string, unknown> | undefined;
}

/** A user that is made for tests. */
export interface TestUser {
  readonly role: string;
  readonly name: string;
  /** In lower case, as the auth server keeps addresses. */
  readonly email: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly appMetadata: Readonly<Record<string, unknown>>;
}

/** What a project knows about users. */
export interface UserSettings {
  /** Addresses at this domain belong to nobody. */
  readonly testDomain: string;
  /** Addresses of another domain that belong to nobody either; in lower case. */
  readonly seeded: readonly string[];
  readonly test: readonly TestUser[];
  /** The password of all test users. */
  readonly password: string;
  /** Whether that is the usual one, which everybody knows. */
  readonly isUsualPassword: boolean;
}

/** The password of test users unless `TEST_USER_PASSWORD` says otherwise. */
const usualPassword = "TestPass123!";

/**
 * Completes what the config says of users.
 * @param variable reads a variable from where the project's variables are
 */
export function resolveUsers(
  config: UserConfig | undefined,
  variable: (name: string) => string | undefined,
): UserSettings {
  const password = variable("TEST_USER_PASSWORD");
  return {
    testDomain: (config?.testDomain ?? "test.local").toLowerCase(),
    seeded: (config?.seeded ?? []).map((email) => email.toLowerCase()),
    test: (config?.test ?? []).map((user) => ({
      role: user.role,
      name: user.name,
      email: ((user.variable && variable(user.variable)) || user.email).toLowerCase(),
      metadata: user.metadata ?? {},
      appMetadata: user.appMetadata ?? {},
    })),
    password: password || usualPassword,
    isUsualPassword: !password || password === usualPassword,
  };
}
