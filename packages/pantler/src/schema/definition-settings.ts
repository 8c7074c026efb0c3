/**
 * What decides how the server prints definitions: a database or a role may have set any of these for its sessions, and
 * the same schema is to be the same text everywhere.
 */
const definitionSettings: readonly (readonly [name: string, value: string])[] = [
  ["quote_all_identifiers", "off"],
  ["standard_conforming_strings", "on"],
  ["datestyle", "ISO, YMD"],
  ["intervalstyle", "postgres"],
  ["timezone", "UTC"],
  ["extra_float_digits", "3"],
  ["bytea_output", "hex"],
  ["xmlbinary", "base64"],
  ["lc_monetary", "C"],
];

/** The same for the rest of a transaction. With an empty path every name is written in full. */
export const settingsForDefinitions = [...definitionSettings, ["search_path", ""], ["statement_timeout", "0"]]
  .map(([name, value]) => `set local ${name} = '${value}';`)
  .join("\n");

/** The same for a session that pg_dump takes over, which sets its own path. */
export const settingsForPgDump = definitionSettings
  .map(([name, value]) => `set ${name} = '${value}';`)
  .join("\n");
