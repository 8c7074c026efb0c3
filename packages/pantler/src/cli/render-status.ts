import type { CheckResult, LocalStatus, Project } from "../index.js";
import { pathInProject } from "../project/index.js";
import { inPairs } from "./columns.js";
import { migrationTitle, type Paint } from "./output.js";
import { size } from "./quantities.js";

/** The local database's state as the fields of a JSON result. */
export function statusFields(status: LocalStatus): Record<string, unknown> {
  const { running, server, version, bytes, fingerprint, migrations } = status;
  return {
    running,
    embedded: server?.embedded,
    url: server?.embedded ? server.url.withPassword() : server?.url,
    port: server?.url.port,
    socketFolder: server?.socketFolder,
    dataFolder: server?.dataFolder,
    logFile: server?.logFile,
    pid: server?.pid,
    version,
    bytes,
    fingerprint,
    migrations,
  };
}

/** The local database's state as text. */
export function renderStatus(
  project: Project,
  status: LocalStatus,
  paint: Paint,
  checks: readonly CheckResult[],
): string {
  const { server, migrations } = status;
  if (!server) return `${paint.bold(project.name)} is not running; start it with pantler start.`;
  const applied = migrations.filter(({ state }) => state === "applied").length;
  const others = migrations.filter(({ state }) => state !== "applied");
  const failed = checks.filter((check) => check.outcome === "failed");
  const rows: [string, string][] = [
    // The password of the embedded server is the same for everyone and opens nothing but loopback.
    ["database", server.embedded ? server.url.withPassword() : String(server.url)],
    ["server", `PostgreSQL ${status.version}${server.pid ? `, process ${server.pid}` : ""}`],
    ["size", size(status.bytes ?? 0)],
    ["schema", status.fingerprint ?? ""],
    ["migrations", `${applied} of ${migrations.length} applied`],
    ...others.map((migration): [string, string] => [
      "",
      paint.warning(`${migrationTitle(migration)}: ${migration.state}`),
    ]),
    ...migrations.flatMap(({ version, breaker }): [string, string][] =>
      breaker ? [["", paint.bad(`${version}: left ${breaker.status}, the circuit breaker is open`)]] : [],
    ),
  ];
  if (checks.length > 0) {
    rows.push([
      "checks",
      failed.length === 0
        ? paint.good(`all ${checks.length} passed`)
        : paint.bad(`${failed.length} of ${checks.length} failed`),
    ]);
    rows.push(
      ...failed.map((check): [string, string] => [
        "",
        `${check.title} (${check.file}:${check.line}): ${check.found}`,
      ]),
    );
  }
  if (server.dataFolder) rows.push(["data", pathInProject(project, server.dataFolder)]);
  return [`${paint.bold(project.name)} is running`, ...inPairs(rows, paint.dim)].join("\n");
}
