import type { Target } from "../engine/index.js";
import {
  type Client,
  connect,
  environmentProblem,
  requireServer,
  takeDeploymentLock,
} from "../postgres/index.js";

/** A session that keeps other deployments out while this one gets ready. */
export interface DeploymentHold {
  readonly client: Client;
  readonly serverMajor: number;
  /** Gives the lock back, so that the session that changes the database can take it. */
  readonly release: () => Promise<void>;
}

/**
 * Keeps other deployments out of an environment.
 * @throws RefusedError `deployment-running`
 * @throws EnvironmentError when the environment cannot be reached or is too old
 */
export async function holdDeployments(target: Target): Promise<DeploymentHold> {
  const client = await connect(target.url, { applicationName: "pantler deployment" });
  const release = async () => await client.end().catch(() => {});
  try {
    const serverMajor = await requireServer(client, target.url);
    // The session is idle while the backup is taken and proven.
    await client.query("select set_config('idle_session_timeout', '0', false)");
    await takeDeploymentLock(client);
    return { client, serverMajor, release };
  } catch (error) {
    await release();
    throw environmentProblem(target.url, error) ?? error;
  }
}

/**
 * Does work over the session that keeps others out.
 * @throws EnvironmentError `connection-lost`, `right-missing`
 */
export async function overHold<Result>({ url }: Target, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw environmentProblem(url, error) ?? error;
  }
}
