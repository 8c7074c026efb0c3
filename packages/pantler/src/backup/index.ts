export type { Seal, Unseal } from "./encryption.js";
export type { Store, StoredFile, WrittenFile } from "./store.js";
