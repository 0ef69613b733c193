"use strict";
// From a drawing or a picture to an image as the networks were trained on: the ink's box is scaled
// to 20 pixels of 28 at its longer side, and its centre of mass comes to the middle, as in MNIST.

const BOX = 20 / 28;
// Ink fainter than this share of the strongest is paper: it neither moves the box nor the middle.
const FAINTEST = 0.1;
// A picture of more pixels than this is not decoded: a small file can hold one that fills the memory.
const MOST_PIXELS = 50e6, MOST_BYTES = 50e6;
const PICTURE_SIZE = 400;

// Sums of ink over all pixels above and to the left, so that any rectangle's is four numbers.
function sums(ink, width, height) {
  const line = width + 1, total = new Float64Array(line * (height + 1));
  for (let y = 0; y < height; y++) {
    let row = 0;
    for (let x = 0; x < width; x++) {
      row += ink[y * width + x];
      total[(y + 1) * line + x + 1] = total[y * line + x + 1] + row;
    }
  }
  // The sum left of x and above y, anywhere between the pixels' edges.
  return (x, y) => {
    x = Math.min(Math.max(x, 0), width); y = Math.min(Math.max(y, 0), height);
    const left = Math.min(Math.floor(x), width - 1), top = Math.min(Math.floor(y), height - 1);
    const i = top * line + left, u = x - left, v = y - top;
    const above = total[i] + u * (total[i + 1] - total[i]);
    const below = total[i + line] + u * (total[i + line + 1] - total[i + line]);
    return above + v * (below - above);
  };
}

// The box that holds all ink, and the ink's centre of mass; null where there is none.
function extent(ink, width, height) {
  let left = width, right = 0, top = height, bottom = 0, mass = 0, atX = 0, atY = 0;
  const strongest = ink.reduce((a, b) => Math.max(a, b), 0);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (ink[i] <= FAINTEST * strongest) continue;
      left = Math.min(left, x); right = Math.max(right, x + 1);
      top = Math.min(top, y); bottom = Math.max(bottom, y + 1);
      mass += ink[i]; atX += ink[i] * (x + 0.5); atY += ink[i] * (y + 0.5);
    }
  }
  return mass ? { left, right, top, bottom, x: atX / mass, y: atY / mass } : null;
}

function scaleOf(box, [height, width]) {
  return Math.min((BOX * height) / (box.bottom - box.top), (BOX * width) / (box.right - box.left));
}

// Pixels 0 to 255 of shape (height, width, channels) for ink 0 to 1 of another size, or null.
// Each pixel is the mean of the ink under it.
function normalForm(ink, inkWidth, inkHeight, [height, width, channels]) {
  const box = extent(ink, inkWidth, inkHeight);
  if (!box) return null;
  const scale = scaleOf(box, [height, width]);
  const left = box.x - middle(width, box.x - box.left, box.right - box.x, scale) / scale;
  const top = box.y - middle(height, box.y - box.top, box.bottom - box.y, scale) / scale;
  const upTo = sums(ink, inkWidth, inkHeight);
  const pixels = new Float32Array(height * width * channels);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const x0 = left + x / scale, x1 = left + (x + 1) / scale;
      const y0 = top + y / scale, y1 = top + (y + 1) / scale;
      const mean = (upTo(x1, y1) - upTo(x0, y1) - upTo(x1, y0) + upTo(x0, y0)) * scale * scale;
      const value = Math.round(255 * Math.min(Math.max(mean, 0), 1));
      pixels.fill(value, (y * width + x) * channels, (y * width + x + 1) * channels);
    }
  }
  return pixels;
}

// Where in `size` pixels the centre of mass comes to, with ink that reaches so far on either side
// of it: half a pixel behind the middle, as MNIST's do, but so that all ink is inside.
function middle(size, before, behind, scale) {
  const wanted = size / 2 + 0.5;
  return Math.max(before * scale, Math.min(wanted, size - behind * scale));
}

// Width and height that the head of a picture's file says, before anything is decoded; null where
// it is of another kind.
function sizeOf(bytes) {
  const view = new DataView(bytes.buffer), text = String.fromCharCode(...bytes.subarray(0, 16));
  if (text.startsWith("\x89PNG")) return [view.getUint32(16), view.getUint32(20)];
  if (text.startsWith("GIF8")) return [view.getUint16(6, true), view.getUint16(8, true)];
  if (text.startsWith("BM")) return [view.getInt32(18, true), Math.abs(view.getInt32(22, true))];
  if (text.startsWith("\xff\xd8")) {
    for (let at = 2; at + 9 < bytes.length; at += 2 + view.getUint16(at + 2)) {
      const marker = bytes[at + 1];
      const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
      if (isFrame) return [view.getUint16(at + 7), view.getUint16(at + 5)];
    }
  }
  return null;
}

// A picture's file as pixels of at most PICTURE_SIZE; raises with a sentence.
async function readPicture(file) {
  const name = file.name || "The picture";
  if (file.size === 0) throw new Error(`${name} is empty; choose a PNG, JPEG, GIF, WebP or BMP file.`);
  if (file.size > MOST_BYTES) throw new Error(`${name} has ${Math.round(file.size / 1e6)} MB; choose a picture of at most 50 MB.`);
  const head = new Uint8Array(await file.slice(0, 1 << 20).arrayBuffer());
  let size = null;
  try { size = sizeOf(head); } catch { /* cut off: the decoder says so */ }
  if (size && size[0] * size[1] > MOST_PIXELS) {
    throw new Error(`${name} has ${size[0]} x ${size[1]} pixels; choose a picture of at most 50 million.`);
  }
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new Error(`${name} is no picture, or a damaged one; choose a PNG, JPEG, GIF, WebP or BMP file.`);
  }
  const scale = Math.min(1, PICTURE_SIZE / Math.max(bitmap.width, bitmap.height));
  const width = Math.max(1, Math.round(bitmap.width * scale)), height = Math.max(1, Math.round(bitmap.height * scale));
  const context = Object.assign(document.createElement("canvas"), { width, height }).getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  return context.getImageData(0, 0, width, height);
}
