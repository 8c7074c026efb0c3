import {
  createBackup,
  DatabaseUrl,
  drillBackup,
  findBackup,
  locateTarget,
  Operation,
  openProject,
  openStore,
  PantlerError,
  pruneBackups,
  restoreBackup,
  syncEnvironment,
} from "../../dist/index.js";

/*
 * Does one thing with backups in a process of its own, so that it can be killed or have a clock of its own. It says
 * when it is ready, then reads from its input what to do, a line of JSON (`Job` of backups-apart.ts), says when it begins,
 * and ends with a line of JSON that tells what came of it.
 */

/** @param {object} answer */
function say(answer) {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

/** @returns {Promise<import("./backups-apart.ts").Job>} */
async function readJob() {
  let text = "";
  for await (const chunk of process.stdin) {
    text += chunk;
    if (text.endsWith("\n")) break;
  }
  return JSON.parse(text);
}

/** @param {import("./backups-apart.ts").Job} job */
async function prepare(job) {
  const project = await openProject({ from: job.root, variables: process.env });
  const located = await locateTarget(project, job.environment ?? "local");
  const target = job.url === undefined ? located : { ...located, url: DatabaseUrl.parse(job.url, "the job") };
  return { project, target, store: await openStore(target.environment.backups.store) };
}

/**
 * @param {import("./backups-apart.ts").Job} job
 * @param {Awaited<ReturnType<typeof prepare>>} prepared
 */
async function work(job, { project, target, store }) {
  const operation = new Operation();
  const keys = { passphrase: job.passphrase };
  switch (job.action) {
    case "create": {
      const { id } = await createBackup(target, { ...job.create, passphrase: job.passphrase }, operation);
      return { id };
    }
    case "restore":
      await restoreBackup(target, await findBackup(store, job.id), { keys, ...job.restore }, operation);
      return {};
    case "drill":
      return { proven: (await drillBackup(await findBackup(store, job.id), keys, operation)).proven };
    case "sync": {
      const production = await locateTarget(project, "production");
      await syncEnvironment(target, production, { keys, confirm: async ({ phrase }) => phrase }, operation);
      return {};
    }
    case "prune": {
      const of = { project: project.name, environment: target.environment.name };
      return { removed: (await pruneBackups(store, of, job.retention, operation)).removed };
    }
  }
}

say({ ready: true });
const job = await readJob();
const prepared = await prepare(job);
say({ begun: true });
const started = performance.now();
try {
  const result = await work(job, prepared);
  say({ ...result, milliseconds: performance.now() - started });
} catch (error) {
  if (!(error instanceof PantlerError)) throw error;
  say({ code: error.code, message: error.message, state: error.state });
  process.exitCode = error.exit;
}
process.stdin.destroy();
