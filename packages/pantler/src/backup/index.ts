export type { Seal, Unseal } from "./encryption.js";
export { openStore } from "./open-store.js";
export type { Store, StoredFile, WrittenFile } from "./store.js";
