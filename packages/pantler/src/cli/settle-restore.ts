import { isDatabaseMissing, locateBackup, previewNewDatabase, previewRestore } from "../backup/index.js";
import { adHocTarget } from "../engine/index.js";
import type { RestorePreview } from "../index.js";
import { DatabaseUrl, environmentOf } from "../project/index.js";
import { requireDrillKeys } from "./backup-keys.js";
import type { CommandContext, SharedOptions } from "./command.js";
import { canAsk, confirm, confirmByTyping } from "./confirm.js";
import type { Paint } from "./output.js";
import { describeChange, renderPreview } from "./render-restore.js";
import type { RestoreOptions, WantedRestore } from "./wanted-restore.js";

/** Finds the backup and the database that a restore is about. */
export async function settleRestore(
  { options, project, target }: CommandContext<RestoreOptions>,
  id: string,
): Promise<WantedRestore> {
  const { to, tables, merge, schemaOnly, dataOnly } = options;
  const url = to === undefined ? undefined : DatabaseUrl.parse(to, "--to");
  const backup = await locateBackup(project, id, options.env);
  const request = { tables, merge, schemaOnly, dataOnly };
  if (!url) return { backup, target: await target(), isNew: false, request };
  return {
    backup,
    target: adHocTarget(project, url, environmentOf(project, options.env)),
    isNew: await isDatabaseMissing(url),
    request,
  };
}

/** Tells what a restore would change. */
export async function previewOf({ backup, target, isNew, request }: WantedRestore): Promise<RestorePreview> {
  if (isNew) return await previewNewDatabase(target.url, backup, request);
  return await previewRestore(target, backup, request);
}

/**
 * Asks before something is overwritten: an ordinary question, or for the name of what is protected.
 * @returns the typed name, where there is one
 * @throws RefusedError `not-confirmed`
 */
export async function confirmRestore(
  wanted: WantedRestore,
  options: SharedOptions,
  paint: Paint,
): Promise<string | undefined> {
  const { environment, url } = wanted.target;
  if (wanted.isNew || (options.yes && !environment.protected)) return undefined;
  const preview = await previewOf(wanted);
  if (preview.empty) return undefined;
  if (environment.protected) requireDrillKeys(environment, "Proving the backup that is taken first");
  const change = describeChange(wanted, preview);
  const isShown = canAsk(options) && (!environment.protected || options.confirm === undefined);
  if (isShown) process.stderr.write(`${renderPreview(wanted, preview, paint)}\n`);
  // What the preview has said already need not be said again.
  const about = isShown ? "" : `${change} `;
  const into = isShown ? environment.name : `${environment.name} (${url})`;
  if (environment.protected) {
    const warning = `${about}${into} is protected: a proven backup of it is taken first.`;
    return await confirmByTyping(environment.name, warning, options);
  }
  await confirm(`${about}Restore into ${into}?`, options);
  return undefined;
}
