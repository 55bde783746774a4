import { createHash } from "node:crypto";

export { crc32 } from "node:zlib";

/** SHA-256 (FIPS 180-4) of data that arrives in pieces; texts count as their UTF-8. */
export class Sha256 {
  readonly #hash = createHash("sha256");

  /** Appends data. */
  update(data: string | Uint8Array): this {
    this.#hash.update(data);
    return this;
  }

  /** Ends the data. Returns the digest, 32 bytes. */
  bytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#hash.digest());
  }

  /** Ends the data. Returns the digest in hexadecimal. */
  hex(): string {
    return this.bytes().toHex();
  }
}
