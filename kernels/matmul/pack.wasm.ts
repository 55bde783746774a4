/** Copies of blocks of A and B in the form that the product of a panel reads. */
import { PANEL } from "./args.wasm";
import { PANEL_BYTES, transpose4 } from "./panel.wasm";

/** Widens a bf16 panel: word j of a row holds column j (low half) and column j + 8 (high half). */
export function widenPanel(source: usize, out: usize, k: i32): void {
  const high = i32x4.splat(<i32> 0xffff0000);
  for (let i = 0; i < k; i++) {
    const w0 = v128.load(source);
    const w1 = v128.load(source, 16);
    v128.store(out, i32x4.shl(w0, 16));
    v128.store(out, i32x4.shl(w1, 16), 16);
    v128.store(out, v128.and(w0, high), 32);
    v128.store(out, v128.and(w1, high), 48);
    source += 32;
    out += PANEL_BYTES;
  }
}

/** out[k, 16] = alpha * B(k0.., n0..), B(k, n) at b + k*ks + n*ns (bytes); columns past n are 0. */
export function packStrided(
  b: usize,
  ks: usize,
  ns: usize,
  out: usize,
  k: i32,
  columns: i32,
  alpha: f32,
): void {
  if (ns == 4 && columns == PANEL) {
    const s = f32x4.splat(alpha);
    for (let i = 0; i < k; i++) {
      v128.store(out, f32x4.mul(s, v128.load(b)));
      v128.store(out, f32x4.mul(s, v128.load(b, 16)), 16);
      v128.store(out, f32x4.mul(s, v128.load(b, 32)), 32);
      v128.store(out, f32x4.mul(s, v128.load(b, 48)), 48);
      b += ks;
      out += PANEL_BYTES;
    }
    return;
  }
  if (columns < PANEL) memory.fill(out, 0, <usize> k * PANEL_BYTES);
  let j = 0;
  if (ks == 4) {
    // B is the transpose of a row-major matrix: 4x4 blocks at a time.
    const s = f32x4.splat(alpha);
    const whole = k & ~3;
    for (; j + 4 <= columns; j += 4) {
      const b0 = b + <usize> j * ns;
      const b1 = b0 + ns;
      const b2 = b1 + ns;
      const b3 = b2 + ns;
      let to = out + (<usize> j << 2);
      for (let i: usize = 0; i < <usize> whole << 2; i += 16) {
        transpose4(
          f32x4.mul(s, v128.load(b0 + i)),
          f32x4.mul(s, v128.load(b1 + i)),
          f32x4.mul(s, v128.load(b2 + i)),
          f32x4.mul(s, v128.load(b3 + i)),
          to,
          PANEL_BYTES,
        );
        to += 4 * PANEL_BYTES;
      }
      for (let c = j; c < j + 4; c++) packColumn(b + <usize> c * ns, ks, out, c, whole, k, alpha);
    }
  }
  for (; j < columns; j++) packColumn(b + <usize> j * ns, ks, out, j, 0, k, alpha);
}

/** out[i][column] = alpha * b[i] for i from `begin` to `end`. */
function packColumn(
  b: usize,
  ks: usize,
  out: usize,
  column: i32,
  begin: i32,
  end: i32,
  alpha: f32,
): void {
  let from = b + <usize> begin * ks;
  let to = out + <usize> begin * PANEL_BYTES + (<usize> column << 2);
  for (let i = begin; i < end; i++) {
    store<f32>(to, alpha * load<f32>(from));
    from += ks;
    to += PANEL_BYTES;
  }
}

/**
 * out[k, 16] = W[k0 .. k0+k, n0 .. n0+16] from panels over W's rows: W(r, c) stands at
 * ((r / 16) * width + c) * 16 + r % 16. k0 is a multiple of 16 (KC is).
 */
export function packTransposedF32(w: usize, width: i32, k0: i32, n0: i32, out: usize, k: i32): void {
  const columns = min(PANEL, width - n0);
  if (columns < PANEL) memory.fill(out, 0, <usize> k * PANEL_BYTES);
  for (let i = 0; i < k; i += 16) {
    const block = w + (<usize> ((k0 + i) >> 4) * <usize> width + <usize> n0) * PANEL_BYTES;
    const rows = min(16, k - i);
    const to = out + <usize> i * PANEL_BYTES;
    if (columns == PANEL && rows == 16) {
      for (let r: usize = 0; r < 16; r += 4) {
        for (let c: usize = 0; c < 16; c += 4) {
          const from = block + c * PANEL_BYTES + r * 4;
          const x0 = v128.load(from);
          const x1 = v128.load(from, 64);
          const x2 = v128.load(from, 128);
          const x3 = v128.load(from, 192);
          transpose4(x0, x1, x2, x3, to + r * PANEL_BYTES + c * 4, PANEL_BYTES);
        }
      }
    } else {
      for (let c = 0; c < columns; c++) {
        for (let r = 0; r < rows; r++) {
          store<f32>(
            to + <usize> r * PANEL_BYTES + (<usize> c << 2),
            load<f32>(block + <usize> c * PANEL_BYTES + (<usize> r << 2)),
          );
        }
      }
    }
  }
}

/** As packTransposedF32, from bf16 panels. */
export function packTransposedBf16(w: usize, width: i32, k0: i32, n0: i32, out: usize, k: i32): void {
  const columns = min(PANEL, width - n0);
  if (columns < PANEL) memory.fill(out, 0, <usize> k * PANEL_BYTES);
  const high = i32x4.splat(<i32> 0xffff0000);
  for (let i = 0; i < k; i += 16) {
    const block = w + (<usize> ((k0 + i) >> 4) * <usize> width + <usize> n0) * 32;
    const rows = min(16, k - i);
    const to = out + <usize> i * PANEL_BYTES;
    if (columns == PANEL && rows == 16) {
      // Words r .. r+3 of a column hold its rows r .. r+3 (low) and r+8 .. r+11 (high).
      for (let r: usize = 0; r < 8; r += 4) {
        for (let c: usize = 0; c < 16; c += 4) {
          const from = block + c * 32 + r * 4;
          const x0 = v128.load(from);
          const x1 = v128.load(from, 32);
          const x2 = v128.load(from, 64);
          const x3 = v128.load(from, 96);
          const at = to + r * PANEL_BYTES + c * 4;
          transpose4(
            i32x4.shl(x0, 16),
            i32x4.shl(x1, 16),
            i32x4.shl(x2, 16),
            i32x4.shl(x3, 16),
            at,
            PANEL_BYTES,
          );
          transpose4(
            v128.and(x0, high),
            v128.and(x1, high),
            v128.and(x2, high),
            v128.and(x3, high),
            at + 8 * PANEL_BYTES,
            PANEL_BYTES,
          );
        }
      }
    } else {
      for (let c = 0; c < columns; c++) {
        for (let r = 0; r < rows; r++) {
          const word = load<u32>(block + <usize> c * 32 + (<usize> (r & 7) << 2));
          const bits = r < 8 ? word << 16 : word & 0xffff0000;
          store<u32>(to + <usize> r * PANEL_BYTES + (<usize> c << 2), bits);
        }
      }
    }
  }
}

/** Copies A[rows, k] with stride ks along k to rows that are contiguous. */
export function packA(a: usize, rs: usize, ks: usize, out: usize, rows: i32, k: i32): void {
  const width = <usize> k << 2;
  let i = 0;
  if (rs == 4) {
    // A is the transpose of a row-major matrix: 4x4 blocks at a time.
    for (; i + 4 <= rows; i += 4) {
      let from = a + (<usize> i << 2);
      let to = out + <usize> i * width;
      let j = 0;
      for (; j + 4 <= k; j += 4) {
        const x0 = v128.load(from);
        const x1 = v128.load(from + ks);
        const x2 = v128.load(from + 2 * ks);
        const x3 = v128.load(from + 3 * ks);
        transpose4(x0, x1, x2, x3, to, width);
        from += 4 * ks;
        to += 16;
      }
      for (; j < k; j++) {
        for (let r: usize = 0; r < 4; r++) store<f32>(to + r * width, load<f32>(from + r * 4));
        from += ks;
        to += 4;
      }
    }
  }
  for (; i < rows; i++) {
    let from = a + <usize> i * rs;
    let to = out + <usize> i * width;
    for (let j = 0; j < k; j++) {
      store<f32>(to, load<f32>(from));
      from += ks;
      to += 4;
    }
  }
}
