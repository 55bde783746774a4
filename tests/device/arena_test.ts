import assert from "node:assert/strict";
import { Arena, blockSize } from "../../lib/device/arena.ts";
import { Random } from "../../lib/random.ts";

const BLOCK = 256;

/** An arena from address 1024 whose range may not go beyond `limit`. */
function arena(limit = Infinity): Arena {
  return new Arena(1024, (end) => {
    if (end > limit) throw new Error("no more");
  });
}

/** An arena with these blocks one after the other, and their addresses. */
function filled(...sizes: number[]): { arena: Arena; addresses: number[] } {
  const filled = arena();
  return { arena: filled, addresses: sizes.map((size) => filled.alloc(size * BLOCK)) };
}

Deno.test("Arena: sizes are rounded up to 256 bytes, blocks follow each other", () => {
  const a = arena();
  assert.deepEqual([a.alloc(1), a.alloc(256), a.alloc(257), a.alloc(0)], [1024, 1280, 1536, 2048]);
  assert.deepEqual([a.used, a.peak, a.end], [1280, 1280, 2304]);
});

Deno.test("Arena: takes the smallest free block that fits", () => {
  const { arena, addresses } = filled(5, 1, 3, 1, 4, 1);
  for (const i of [0, 2, 4]) arena.free(addresses[i]);
  const { end } = arena;
  assert.equal(arena.alloc(4 * BLOCK), addresses[4]); // an exact fit
  assert.equal(arena.alloc(2 * BLOCK), addresses[2]); // of 3, its rest is free
  assert.equal(arena.alloc(BLOCK), addresses[2] + 2 * BLOCK);
  assert.equal(arena.alloc(2 * BLOCK), addresses[0]);
  assert.equal(arena.alloc(3 * BLOCK), addresses[0] + 2 * BLOCK);
  assert.equal(arena.end, end);
});

for (
  const [what, order] of Object.entries({
    before: [0, 1, 2],
    after: [2, 1, 0],
    both: [0, 2, 1],
  })
) {
  Deno.test(`Arena: merges a freed block with its neighbours: ${what}`, () => {
    const { arena, addresses } = filled(1, 2, 3, 1);
    for (const i of order) arena.free(addresses[i]);
    const { end } = arena;
    assert.equal(arena.alloc(6 * BLOCK), addresses[0]);
    assert.equal(arena.end, end);
  });
}

Deno.test("Arena: grows from a free block at the end", () => {
  const { arena, addresses } = filled(1, 2);
  arena.free(addresses[1]);
  assert.equal(arena.alloc(5 * BLOCK), addresses[1]);
  assert.equal(arena.end, addresses[1] + 5 * BLOCK);
});

Deno.test("Arena: a range that cannot grow leaves everything as it was", () => {
  const a = arena(1024 + 4 * BLOCK);
  const first = a.alloc(BLOCK);
  const second = a.alloc(2 * BLOCK);
  a.free(second);
  const before = [a.used, a.peak, a.end];
  assert.throws(() => a.alloc(4 * BLOCK), /no more/);
  assert.deepEqual([a.used, a.peak, a.end], before);
  assert.equal(a.alloc(3 * BLOCK), second);
  a.free(first);
});

Deno.test("Arena: peak stays when memory is freed", () => {
  const { arena, addresses } = filled(2, 3);
  addresses.forEach((address) => arena.free(address));
  assert.deepEqual([arena.used, arena.peak], [0, 5 * BLOCK]);
});

Deno.test("Arena: freeing twice, or what is not a block's start, is refused", () => {
  const { arena, addresses: [address] } = filled(2);
  assert.throws(() => arena.free(address + BLOCK), /arena: 1280 is not allocated/);
  arena.free(address);
  assert.throws(() => arena.free(address), /arena: 1024 is not allocated/);
  assert.equal(arena.used, 0);
});

Deno.test("Arena: random use never hands out what is in use, and all of it comes back", () => {
  const random = new Random(1);
  const a = arena();
  const live: { address: number; size: number }[] = [];
  for (let i = 0; i < 3000; i++) {
    if (live.length > 0 && random.uniform() < 0.48) {
      a.free(live.splice(random.integer(0, live.length), 1)[0].address);
    } else {
      const size = random.integer(1, 20) * BLOCK;
      const address = a.alloc(size);
      assert.ok(
        live.every((other) =>
          address + size <= other.address || other.address + other.size <= address
        ),
        `step ${i}: ${size} bytes at ${address} overlap`,
      );
      live.push({ address, size });
    }
    assert.equal(a.used, live.reduce((sum, { size }) => sum + size, 0));
  }
  const { end } = a;
  for (const { address } of live) a.free(address);
  assert.equal(a.alloc(end - 1024), 1024); // one free block again
});

Deno.test("blockSize: what an arena takes for a block", () => {
  for (const bytes of [0, 1, 256, 257, 1000]) {
    const one = arena();
    one.alloc(bytes);
    assert.equal(blockSize(bytes), one.used);
  }
  assert.deepEqual([0, 256, 257].map(blockSize), [256, 256, 512]);
});

Deno.test("Arena: claims a region within a free block, and refuses one that is not free", () => {
  const { arena, addresses } = filled(1, 4, 1);
  arena.free(addresses[1]);
  const middle = addresses[1] + BLOCK;
  arena.claim(middle, 2 * BLOCK);
  assert.equal(arena.used, 4 * BLOCK);
  assert.throws(() => arena.claim(middle, BLOCK), /not free/);
  assert.throws(() => arena.claim(addresses[1], 2 * BLOCK), /not free/);
  assert.deepEqual([arena.alloc(BLOCK), arena.alloc(BLOCK)], [addresses[1], middle + 2 * BLOCK]);
  arena.free(middle);
  assert.equal(arena.alloc(2 * BLOCK), middle);
});
