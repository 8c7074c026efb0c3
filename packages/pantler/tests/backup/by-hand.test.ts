import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Decrypter, generateX25519Identity, identityToRecipient } from "age-encryption";
import { describe, expect, it } from "vitest";
import { withDatabaseUrl } from "../support/database.js";
import { query } from "../support/inspect.js";
import { withShop } from "../support/shop.js";

const psql = ["/usr/bin/psql", "/usr/local/bin/psql", "/opt/homebrew/bin/psql"].find((path) =>
  existsSync(path),
);

/** Decrypts every file below a folder beside itself, as the program age would. */
async function decryptAll(folder: string, identity: string): Promise<void> {
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    const path = join(folder, name);
    if (!name.endsWith(".age") || name.endsWith("key.age")) continue;
    writeFileSync(path.replace(/\.age$/, ""), await decrypter.decrypt(readFileSync(path)));
  }
}

describe("an encrypted archive", () => {
  it("can be decrypted file by file, and restored by psql alone, files of earlier backups included", async () => {
    const identity = await generateX25519Identity();
    const recipients = [await identityToRecipient(identity)];
    await withShop(
      async ({ folder, sql, backUp }) => {
        await backUp();
        await sql("insert into lids values (11, 11)");
        const id = await backUp("--incremental");
        await decryptAll(join(folder, "backups"), identity);
        const archive = join(folder, "backups", id);
        const script = readFileSync(join(archive, "restore.sql"), "utf8");
        const files = [...script.matchAll(/gzip -dc < ([^']+)/g)].map(([, file = ""]) => file);
        expect(files.filter((file) => file.startsWith("../"))).not.toEqual([]);
        for (const file of files) expect(existsSync(join(archive, file))).toBe(true);
        if (psql === undefined) return;
        await withDatabaseUrl(async (url) => {
          const run = spawnSync(psql, ["--no-psqlrc", "-d", url, "-f", "restore.sql"], {
            cwd: archive,
            encoding: "utf8",
          });
          expect(run).toMatchObject({
            status: 0,
            stdout: `${id} is restored, and every row is what it was.\n`,
          });
          expect(await query(url, "select count(*)::int as lids from lids")).toEqual([{ lids: 11 }]);
        });
      },
      { backups: { recipients } },
    );
  });

  it("made with a passphrase keeps its key in key.age, which the passphrase opens", async () => {
    const env = { PANTLER_BACKUP_PASSPHRASE: "four words chosen blindly" };
    await withShop(async ({ folder, cli }) => {
      const { result } = await cli(["backup", "create", "--encrypt", "--json"], { env });
      const archive = join(folder, "backups", String(result.id));
      const decrypter = new Decrypter();
      decrypter.addPassphrase(env.PANTLER_BACKUP_PASSPHRASE);
      const key = await decrypter.decrypt(readFileSync(join(archive, "key.age")), "text");
      await decryptAll(archive, key.split("\n").find((line) => line.startsWith("AGE-")) ?? "");
      expect(readFileSync(join(archive, "schema.pre.sql"), "utf8")).toContain("CREATE TABLE public.jars");
      expect(existsSync(join(archive, "restore.sql"))).toBe(true);
    });
  });
});
