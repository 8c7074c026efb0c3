import { openStore } from "../../dist/backup/index.js";

/*
 * Writes one file to a store in a process of its own, so that it can be killed and its memory can be measured:
 * node write-to-store.js '<the store's settings as JSON>' <name> <megabytes>
 */

const [settings = "", name = "", megabytes = ""] = process.argv.slice(2);
const store = await openStore(JSON.parse(settings));

async function* content() {
  for (let number = 0; number < Number(megabytes) * 16; number += 1) {
    // A new buffer each time, as a socket gives them.
    yield Buffer.alloc(64 * 1024, number % 251);
    if (number === 16) process.stdout.write("begun\n");
  }
}

const written = await store.write(name, content());
const peak = process.resourceUsage().maxRSS / 1024;
process.stdout.write(`${JSON.stringify({ ...written, peak })}\n`);
