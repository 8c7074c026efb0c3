import { InputError } from "../../operation/index.js";
import { damagedArchive, format, type Manifest } from "./manifest.js";
import { readSealed } from "./sealed-json.js";

/**
 * Reads a manifest.
 * @param id the backup whose folder it was found in
 * @returns what it says, and its own hash
 * @throws EnvironmentError `archive-damaged` when any byte of it was changed
 * @throws InputError `format-newer`
 */
export async function parseManifest(
  text: string,
  id: string,
): Promise<{ readonly manifest: Manifest; readonly sha256: string }> {
  const { content, sha256 } = readSealed(text);
  if (typeof content?.format === "number" && content.format > format) throw newerFormat(id, content.format);
  if (sha256 === undefined) throw damagedArchive(id, "its manifest is not the one that was written");
  const { checkManifest } = await import("./manifest-schema.js");
  const manifest = checkManifest(content);
  if (manifest === undefined) throw damagedArchive(id, "its manifest does not have the expected shape");
  if (manifest.id !== id) throw damagedArchive(id, `its manifest is that of ${manifest.id}`);
  return { manifest, sha256 };
}

function newerFormat(id: string, found: number): InputError {
  return new InputError({
    code: "format-newer",
    message: `The backup ${id} has format ${found}; this version of Pantler reads formats up to ${format}.`,
    state: "Nothing was done.",
    remedy:
      "Use the version of Pantler that made it, or a newer one; or restore it with psql -f restore.sql.",
  });
}
