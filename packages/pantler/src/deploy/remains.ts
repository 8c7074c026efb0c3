import type { Target } from "../engine/index.js";
import { type PhaseState, readPhaseStates } from "../migrations/index.js";
import { type Client, takeDeploymentLock, withClient } from "../postgres/index.js";
import { readOutcome } from "./deployments.js";
import type { RecordedOutcome } from "./request.js";

/** What there is of a deployment in its environment. */
export interface Remains {
  readonly outcome: RecordedOutcome | undefined;
  readonly phases: readonly PhaseState[];
  /** Those of its migrations that are applied whole. */
  readonly applied: readonly string[];
  /** One that stopped half-way outside of a transaction. */
  readonly halfDone: string | undefined;
}

/** How long the session of a deployment that failed may take to go away, in milliseconds. */
const patience = 15_000;

/**
 * Looks what is left of a deployment, once its session is gone.
 * @throws EnvironmentError when the environment cannot be reached
 * @throws RefusedError `deployment-running`
 */
export async function lookAtRemains(
  target: Target,
  id: string,
  migrations: readonly string[],
): Promise<Remains> {
  return await withClient(target.url, async (client) => {
    await takeDeploymentLock(client, patience);
    return await readRemains(client, id, migrations);
  });
}

/** The same over a connection that holds the deployment lock. */
export async function readRemains(
  client: Client,
  id: string,
  migrations: readonly string[],
): Promise<Remains> {
  const phases = await readPhaseStates(client, migrations);
  return {
    outcome: await readOutcome(client, id),
    phases,
    applied: phases.filter(({ state }) => state === "applied").map(({ version }) => version),
    halfDone: phases.find(({ state }) => state === "half-done")?.version,
  };
}
