import { createHash } from "node:crypto";

/** The namespace of names in the DNS (RFC 9562, section 6.6). */
const dns = Buffer.from("6ba7b8109dad11d180b400c04fd430c8", "hex");

/** The UUID of version 5 that a name has in the DNS namespace: the same name always has the same. */
export function uuidOfName(name: string): string {
  const bytes = createHash("sha1").update(dns).update(name).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
