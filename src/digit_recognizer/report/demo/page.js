"use strict";
// What the page shows of a drawing: probabilities, what the networks see, where they disagree.

const data = JSON.parse(document.getElementById("data").textContent);
const { classes, shape } = data;
const networks = data.networks.map(readNetwork);
const $ = (id) => document.getElementById(id);
// Longest computation between two looks at what else there is to do, in milliseconds.
const SLICE = 12;

const percent = (share) => `${(100 * share).toFixed(share > 0.0005 && share < 0.9995 ? 1 : 0)}%`;
const best = (row) => row.indexOf(row.reduce((a, b) => Math.max(a, b)));
const pause = () => new Promise((go) => { setTimeout(go); });

function element(tag, settings = {}, ...children) {
  const made = Object.assign(document.createElement(tag), settings);
  made.append(...children);
  return made;
}

// The networks' probabilities of n images, a row each, one network after the other; stops where
// `isStale` says so, and returns null.
async function predictAll(pixels, isStale = () => false) {
  const rows = [];
  let since = performance.now();
  for (const network of networks) {
    if (performance.now() - since > SLICE) {
      await pause();
      if (isStale()) return null;
      since = performance.now();
    }
    rows.push(forward(network, pixels, shape));
  }
  return rows;
}

// ---- bars and table, made once and filled for each drawing

const bars = classes.map((name) => {
  const share = element("span", { textContent: "0%" });
  const item = element("li", {}, element("span", { textContent: name }), element("span", { className: "bar" }), share);
  item.children[1].setAttribute("aria-hidden", "true");
  $("bars").append(item);
  return { item, share };
});
const longest = Math.max(...classes.map((name) => name.length));
$("bars").classList.toggle("many", classes.length > 12 && longest < 5);
$("prediction").classList.toggle("word", longest > 4);
$("bars").style.setProperty("--half", Math.ceil(classes.length / 2));

const cells = networks.map((network) => {
  const row = element("tr", {}, element("th", { scope: "row", textContent: network.name }));
  const own = classes.map(() => element("td"));
  row.append(...own);
  return { row, own };
});
$("table").append(
  element("caption", { textContent: "Probabilities in percent, by each network" }),
  element("thead", {}, element("tr", {}, element("th", { scope: "col", textContent: "network" }),
    ...classes.map((name) => element("th", { scope: "col", textContent: name })))),
  element("tbody", {}, ...cells.map(({ row }) => row)),
);

function showBars(mean) {
  const first = mean ? best(mean) : -1;
  bars.forEach(({ item, share }, i) => {
    item.style.setProperty("--share", mean ? mean[i] : 0);
    item.classList.toggle("first", i === first);
    share.textContent = percent(mean ? mean[i] : 0);
  });
  $("prediction").textContent = mean ? classes[first] : "?";
  $("confidence").textContent = mean ? `with ${percent(mean[first])}` : "Nothing is drawn yet.";
}

function showTable(rows, mean) {
  const first = mean ? best(mean) : -1;
  cells.forEach(({ row, own }, k) => {
    const answer = rows ? best(rows[k]) : -1;
    row.classList.toggle("other", answer !== first);
    own.forEach((cell, i) => {
      const share = rows ? rows[k][i] : 0;
      cell.style.setProperty("--share", share);
      cell.classList.toggle("first", i === answer);
      cell.textContent = share >= 0.005 ? Math.round(100 * share) : "·";
    });
  });
  $("agreement").textContent = rows ? agreement(rows, first) : "";
}

// "4 of 5 networks say 7; fold 3 says 1."
function agreement(rows, first) {
  const others = rows.map((row, k) => [best(row), k]).filter(([answer]) => answer !== first);
  const n = rows.length, agreeing = n - others.length;
  if (n === 1) return "";
  if (!others.length) return `All ${n} networks say ${classes[first]}.`;
  const told = others.slice(0, 5).map(([answer, k]) => `${networks[k].name} says ${classes[answer]}`);
  return `${agreeing} of ${n} networks say ${classes[first]}; ${told.join(", ")}${others.length > 5 ? " …" : ""}.`;
}

// ---- images

// Pixels 0 to 255 of one image, on a canvas; `heat`, 0 to 1 for each place, in red over it.
function paintImage(canvas, pixels, heat = null) {
  const [height, width, channels] = shape, image = new ImageData(width, height);
  for (let i = 0; i < height * width; i++) {
    for (let c = 0; c < 3; c++) {
      const value = pixels ? pixels[i * channels + (channels === 3 ? c : 0)] : 0;
      const share = heat ? heat[i] : 0;
      image.data[4 * i + c] = heat ? 0.7 * value * (1 - share) + share * [255, 60, 40][c] : value;
    }
    image.data[4 * i + 3] = 255;
  }
  const small = element("canvas", { width, height }), context = canvas.getContext("2d");
  small.getContext("2d").putImageData(image, 0, 0);
  const scale = Math.min(canvas.width / width, canvas.height / height);
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingEnabled = false;
  context.drawImage(small, (canvas.width - width * scale) / 2, (canvas.height - height * scale) / 2, width * scale, height * scale);
}

// ---- a drawing's way to the networks

let shown = null; // {pixels, rows, mean} of what is on the page
let wanted = null, isBusy = false, telling = 0;
let latency = null; // milliseconds from the newest stroke to its bars

function changed(at) {
  const isFirst = wanted === null;
  wanted = at;
  $("invitation").hidden = board.visible.length > 0 || board.cursor !== null;
  $("trouble").textContent = "";
  if (isFirst && !isBusy) requestAnimationFrame(recognize);
}

async function recognize() {
  isBusy = true;
  while (wanted !== null) {
    const at = wanted;
    wanted = null;
    const pixels = board.pixels(shape);
    const rows = pixels && await predictAll(pixels);
    const mean = rows && combine(data.ensemble, rows, 1);
    shown = rows ? { pixels, rows, mean } : null;
    showBars(mean);
    paintImage($("seen"), pixels);
    showTable(rows, mean);
    latency = performance.now() - at;
    tell();
    await pause();
  }
  isBusy = false;
}

// Where the keys' pen is, for who does not see it.
function penPlace() {
  if (!board.cursor) return "";
  const [x, y] = board.cursor.map((at) => Math.round((100 * at) / SIZE));
  return `Pen ${board.isDown ? "down" : "up"}, at ${x} across and ${y} down of 100. `;
}

// What a screen reader says, once the drawing rests.
function tell() {
  const text = shown
    ? `${classes[best(shown.mean)]}, ${percent(Math.max(...shown.mean))}. ${$("agreement").textContent}`
    : "Nothing is drawn.";
  $("seen").setAttribute("aria-label", shown ? `The image as the networks take it; they say ${text}` : "Nothing is drawn yet");
  $("occlusion").textContent = "";
  $("occlude").disabled = !shown;
  $("time").textContent = shown ? `${networks.length === 1 ? "One network" : `${networks.length} networks`}, ${latency.toFixed(0)} ms from stroke to bars, computed on this device.` : "";
  clearTimeout(telling);
  telling = setTimeout(() => { $("spoken").textContent = penPlace() + text; }, 600);
}

// ---- occlusion: which places the answer hangs on (Zeiler and Fergus, "Visualizing and
// understanding convolutional networks", 2014, section 4.2), as the report does it: a patch of
// background covers one part after the other, and each place gets the mean loss of the answer's
// probability over the patches that cover it.

const N_PLACES = 9, PATCH = 0.22;

// First and last row (or column) of the patches along an axis, the last one not covered.
function patches(size) {
  const length = Math.max(1, Math.round(size * PATCH));
  const starts = Array.from({ length: N_PLACES }, (_, i) => Math.round(((size - length) * i) / (N_PLACES - 1)));
  return [...new Set(starts)].map((start) => [start, start + length]);
}

// The places of a patch in an image.
function placesOf([top, bottom], [left, right], width) {
  const places = [];
  for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) places.push(y * width + x);
  return places;
}

// Loss of each place, and the patch with the largest; null where the image became stale.
async function occlusion({ pixels, mean }, isStale) {
  const [height, width, channels] = shape, first = best(mean);
  const background = pixels.reduce((a, b) => Math.min(a, b));
  const loss = new Float64Array(height * width), count = new Float64Array(height * width);
  let worst = { lost: 0 };
  for (const rows of patches(height)) {
    for (const columns of patches(width)) {
      const covered = pixels.slice(), places = placesOf(rows, columns, width);
      for (const place of places) covered.fill(background, place * channels, (place + 1) * channels);
      const isSame = covered.every((value, i) => value === pixels[i]);
      const found = isSame ? null : await predictAll(covered, isStale);
      if (isStale()) return null;
      const now = found ? combine(data.ensemble, found, 1) : mean, lost = mean[first] - now[first];
      for (const place of places) { loss[place] += lost; count[place]++; }
      const middle = ([from, to], size) => (from + to) / 2 / size;
      if (lost > worst.lost) worst = { lost, now, y: middle(rows, height), x: middle(columns, width) };
    }
    await pause();
  }
  return { heat: loss.map((sum, i) => Math.max(sum / count[i], 0)), worst, first };
}

const third = (share, names) => names[Math.min(2, Math.max(0, Math.floor(3 * share)))];

async function occlude() {
  const of = shown, isStale = () => shown !== of;
  $("occlusion").textContent = "Covering one part after the other …";
  const found = await occlusion(of, isStale);
  if (!found) return;
  const { heat, worst, first } = found, largest = heat.reduce((a, b) => Math.max(a, b));
  paintImage($("seen"), of.pixels, heat.map((value) => (largest > 0 ? value / largest : 0)));
  if (worst.lost < 0.01) {
    $("occlusion").textContent = `No part alone matters: whichever is covered, ${classes[first]} keeps its ${percent(of.mean[first])}.`;
    return;
  }
  const where = `${third(worst.y, ["upper", "middle", "lower"])} ${third(worst.x, ["left", "centre", "right"])}`.replace("middle centre", "middle");
  const after = best(worst.now);
  const then = after === first ? "" : `, and they would say ${classes[after]}`;
  $("occlusion").textContent = `Red is what matters. Most of all the ${where}: without it ${classes[first]} falls from ${percent(of.mean[first])} to ${percent(worst.now[first])}${then}.`;
}

// ---- pictures

async function take(file) {
  if (!file) return;
  $("trouble").textContent = "";
  try {
    const picture = await readPicture(file), [height, width, channels] = shape;
    const nothing = new Error(`${file.name || "The picture"} shows nothing but paper; choose one with something on it.`);
    if (picture.width === width && picture.height === height) {
      // Of the networks' own size: as it is, light on dark.
      const grey = greyOf(picture);
      if (Math.max(...grey) - Math.min(...grey) < LEAST_CONTRAST) throw nothing;
      const isLight = hasLightBorder(grey, width, height);
      inspect(Array.from(grey, (value) => Math.round(isLight ? 255 - value : value)).flatMap((value) => Array(channels).fill(value)));
    } else {
      const found = inkOf(picture, shape);
      if (!found) throw nothing;
      board.show(inkCanvas(found.ink, found.width, found.height));
    }
    $("board").focus({ preventScroll: true });
  } catch (error) {
    $("trouble").textContent = error.message;
  }
}

// An image as the networks take it, on the board.
function inspect(pixels) {
  const [height, width, channels] = shape, ink = new Float32Array(height * width);
  for (let i = 0; i < ink.length; i++) ink[i] = pixels[i * channels] / 255;
  board.show(inkCanvas(ink, width, height), Float32Array.from(pixels));
}

// ---- the beginning

const board = new Board($("board"), changed);
$("about").textContent = data.about;
$("notes").textContent = data.notes.join(" ");
$("undo").addEventListener("click", () => board.undo());
$("clear").addEventListener("click", () => board.clear());
$("occlude").addEventListener("click", occlude);
$("pens").addEventListener("change", (event) => { board.pen = Number(event.target.value); });
$("file").addEventListener("change", (event) => { take(event.target.files[0]); event.target.value = ""; });
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  const [file] = event.dataTransfer.files;
  event.preventDefault();
  if (!file) $("trouble").textContent = "That is no file of a picture; save the picture first, or copy it and paste it here.";
  take(file);
});
document.addEventListener("paste", (event) => take(event.clipboardData.files[0]));
showBars(null);
showTable(null, null);
paintImage($("seen"), null);
$("occlude").disabled = true;
