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

/**
 * What Google's protobuf 3.21 and the library crc32c (Debian's python3-protobuf and python3-crc32c) make of
 * the event in the test, with the fields that event.proto and summary.proto of TensorFlow give it.
 */
const REFERENCE =
  "34010000000000005883878209000050bf3cc2da41108080808080202aa1020a160a0f70706f2f6c6f73732f" +
  "706f6c69637915cdccccbd0a0d0a06c3bc62c3a972150000c07f0a0a0a03696e6615000080ff0a0b0a047a65" +
  "726f15000000000a0c0a056d696e757315000000800ad0010ac8017878787878787878787878787878787878" +
  "7878787878787878787878787878787878787878787878787878787878787878787878787878787878787878" +
  "7878787878787878787878787878787878787878787878787878787878787878787878787878787878787878" +
  "7878787878787878787878787878787878787878787878787878787878787878787878787878787878787878" +
  "7878787878787878787878787878787878787878787878787878787878787878787878787878787878787878" +
  "78787878787878150000803f8af12bc5";

Deno.test("a record is what protobuf and crc32c make of the same event", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "events.out.tfevents.1.temper");
    {
      using events = new EventFile(path);
      const scalars = { "ppo/loss/policy": -0.1, "übér": NaN, inf: -Infinity, zero: 0, minus: -0 };
      events.appendScalars(2 ** 40, 1795748605.25, { ...scalars, ["x".repeat(200)]: 1 });
    }
    const bytes = await Deno.readFile(path);
    const first = 16 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
    assert.equal(hex(bytes.subarray(first)), REFERENCE);
  });
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
