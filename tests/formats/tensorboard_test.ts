import assert from "node:assert/strict";
import { join } from "node:path";
import { crc32c, encodeRecord, EventFile } from "../../lib/formats/tensorboard.ts";
import { withFolder } from "../cli/temper.ts";

const hex = (bytes: Uint8Array) =>
  Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");

Deno.test("crc32c gives the check values of RFC 3720", () => {
  assert.equal(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
});

Deno.test("a record has its length and both masked checksums", () => {
  // What TensorFlow's writer starts a file of an empty Event with: the length 0 and its checksum.
  const record = encodeRecord(new Uint8Array(0));
  assert.equal(record.length, 16);
  assert.equal(hex(record.subarray(0, 8)), "0000000000000000");
  assert.equal(hex(record.subarray(12)), "d8ea82a2");
});

Deno.test("an event file holds the version, then an event a step", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "events.out.tfevents.1.temper");
    {
      using events = new EventFile(path);
      events.appendScalars(300, 1.5, { "a/b": 0.5 });
    }
    const bytes = await Deno.readFile(path);
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    const first = new TextDecoder().decode(bytes.subarray(12, 12 + length));
    assert.match(first, /brain\.Event:2$/);
    const second = bytes.subarray(16 + length);
    assert.equal(
      hex(second.subarray(12, -4)),
      "09" + "000000000000f83f" + // wall_time 1.5
        "10" + "ac02" + // step 300
        "2a0c" + "0a0a" + "0a03" + "612f62" + "15" + "0000003f", // summary: a/b = 0.5
    );
  });
});
