/** Encrypts the files of one archive. */
export interface Seal {
  readonly kind: "recipients" | "passphrase";
  /** For a passphrase: the content of the archive's `key.age`, the key of its files encrypted with the passphrase. */
  readonly keyFile: Uint8Array | undefined;
  /** Encrypts one file, in the format of `age`. */
  encrypt(content: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
}

/** Decrypts the files of one archive. */
export interface Unseal {
  /**
   * Decrypts one file.
   * @throws EnvironmentError `archive-damaged`, InputError `identity-wrong`
   */
  decrypt(content: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
}
