// SHA-256 (FIPS 180-4). Browsers give theirs to encrypted pages and to this computer's own only.
const K = new Uint32Array(64);
const START = new Uint32Array(8);
for (let prime = 2, found = 0; found < 64; prime++) {
  let divides = false;
  for (let by = 2; by * by <= prime; by++) if (prime % by === 0) { divides = true; break; }
  if (divides) continue;
  if (found < 8) START[found] = (prime ** (1 / 2) % 1) * 2 ** 32;
  K[found++] = (prime ** (1 / 3) % 1) * 2 ** 32;
}

function plain(data) {
  const padded = new Uint8Array(((data.length + 72) >> 6) << 6);
  padded.set(data);
  padded[data.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(data.length / 2 ** 29));
  view.setUint32(padded.length - 4, (data.length << 3) >>> 0);
  const h = Uint32Array.from(START);
  const w = new Uint32Array(64);
  const turned = (x, by) => (x >>> by) | (x << (32 - by));
  for (let at = 0; at < padded.length; at += 64) {
    for (let i = 0; i < 16; i++) w[i] = view.getUint32(at + 4 * i);
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15], y = w[i - 2];
      w[i] = w[i - 16] + (turned(x, 7) ^ turned(x, 18) ^ (x >>> 3)) + w[i - 7] + (turned(y, 17) ^ turned(y, 19) ^ (y >>> 10));
    }
    let [a, b, c, d, e, f, g, last] = h;
    for (let i = 0; i < 64; i++) {
      const one = (last + (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
      const two = ((turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      last = g; g = f; f = e; e = (d + one) | 0; d = c; c = b; b = a; a = (one + two) | 0;
    }
    [a, b, c, d, e, f, g, last].forEach((part, i) => { h[i] += part; });
  }
  const out = new DataView(new ArrayBuffer(32));
  h.forEach((part, i) => out.setUint32(4 * i, part));
  return out.buffer;
}

/** What bytes hash to, hexadecimal. */
export async function sha256(buffer, own = globalThis.crypto?.subtle) {
  const digest = own ? await own.digest("SHA-256", buffer) : plain(new Uint8Array(buffer));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
