"use strict";
// The ink of a picture, such as a photograph of a digit on paper: the steps of `normal_form` in
// pictures/normal_form.py, which has their reasons.

const LEAST_CONTRAST = 24, EDGE = 0.5, SPECK = 0.02, FULL = 50, THINNEST = 2;
const OUTLIER = 3, ROUNDS = 5, FITTED = 4000;

// Grey levels of pixels; what is transparent is paper for what is not: light ink is on black.
function greyOf({ data }) {
  const n = data.length / 4, grey = new Float64Array(n), opaque = new Float64Array(n);
  let shown = 0, total = 0;
  for (let i = 0; i < n; i++) {
    grey[i] = 0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2];
    opaque[i] = data[4 * i + 3] / 255;
    shown += grey[i] * opaque[i]; total += opaque[i];
  }
  const paper = total < n && shown > 127 * total ? 0 : 255;
  return grey.map((value, i) => value * opaque[i] + paper * (1 - opaque[i]));
}

function percentile(values, share) {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.round((share / 100) * (sorted.length - 1))];
}

function hasLightBorder(grey, width, height) {
  const isBorder = (i) => i < width || i >= (height - 1) * width || i % width === 0 || i % width === width - 1;
  return percentile(grey.filter((_, i) => isBorder(i)), 50) > 127;
}

// What fits values best as a sum of terms, by least squares.
function leastSquares(rows) {
  const n = rows[0].terms.length;
  const equations = Array.from({ length: n }, (_, i) => Array.from({ length: n + 1 }, (_, j) =>
    rows.reduce((sum, { terms, value }) => sum + terms[i] * (j < n ? terms[j] : value), i === j ? 1e-9 : 0)));
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < n; k++) {
      if (k === i) continue;
      const factor = equations[k][i] / equations[i][i];
      for (let j = i; j <= n; j++) equations[k][j] -= factor * equations[i][j];
    }
  }
  return equations.map((row, i) => row[n] / row[i]);
}

// The grey levels of the paper: a surface of second degree, fitted to the border first, then to all
// that is near it.
function paperOf(grey, width, height) {
  const termsAt = (i) => {
    const x = (2 * (i % width)) / Math.max(width - 1, 1) - 1, y = (2 * Math.floor(i / width)) / Math.max(height - 1, 1) - 1;
    return [1, x, y, x * x, x * y, y * y];
  };
  const level = (coefficients, terms) => coefficients.reduce((sum, c, k) => sum + c * terms[k], 0);
  const step = Math.max(1, Math.floor(Math.sqrt(grey.length / FITTED))), sample = [];
  for (let y = 0; y < height; y += step) {
    for (let x = 0; x < width; x += step) {
      const terms = termsAt(y * width + x);
      const isPaper = Math.max(Math.abs(terms[1]), Math.abs(terms[2])) > 0.88;
      sample.push({ terms, value: grey[y * width + x], isPaper });
    }
  }
  let coefficients;
  for (let round = 0; round < ROUNDS; round++) {
    coefficients = leastSquares(sample.filter((one) => one.isPaper));
    for (const one of sample) one.distance = Math.abs(one.value - level(coefficients, one.terms));
    const typical = () => percentile(sample.filter((one) => one.isPaper).map((one) => one.distance), 50);
    const near = OUTLIER * Math.max(typical(), 1);
    for (const one of sample) one.isPaper &&= one.distance <= near;
    const wide = OUTLIER * Math.max(typical(), 2);
    for (const one of sample) one.isPaper = one.distance <= wide;
  }
  return grey.map((_, i) => level(coefficients, termsAt(i)));
}

// Halfway between the two groups that values 0 to 1 fall into: those of the largest variance between
// them (Otsu, "A threshold selection method from gray-level histograms", 1979).
function otsu(values) {
  const counts = new Float64Array(256);
  for (const value of values) counts[Math.min(Math.floor(256 * value), 255)]++;
  const total = counts.reduce((sum, count, i) => sum + count * (i + 0.5), 0) / 256;
  let below = 0, mass = 0, best = -1, threshold = 0;
  for (let i = 0; i < 255; i++) {
    below += counts[i];
    mass += (counts[i] * (i + 0.5)) / 256;
    const above = values.length - below;
    if (!below || !above) continue;
    const [low, high] = [mass / below, (total - mass) / above];
    const between = below * above * (low - high) ** 2;
    if (between > best) { best = between; threshold = (low + high) / 2; }
  }
  return threshold;
}

// The ink without its small separate parts.
function withoutSpecks(ink, width, height) {
  const part = new Int32Array(ink.length), amounts = [0];
  for (let i = 0; i < ink.length; i++) {
    if (!ink[i] || part[i]) continue;
    const number = amounts.push(0) - 1, open = [i];
    part[i] = number;
    while (open.length) {
      const at = open.pop(), x = at % width;
      amounts[number] += ink[at];
      for (let dy = -width; dy <= width; dy += width) {
        for (let dx = x > 0 ? -1 : 0; dx <= (x < width - 1 ? 1 : 0); dx++) {
          const next = at + dy + dx;
          if (ink[next] && !part[next]) { part[next] = number; open.push(next); }
        }
      }
    }
  }
  const least = SPECK * amounts.reduce((a, b) => Math.max(a, b));
  return ink.map((value, i) => (amounts[part[i]] >= least ? value : 0));
}

// Distance of each pixel that is inside to the nearest that is not, in two passes over the
// neighbours (Borgefors, "Distance transformations in digital images", 1986).
function distances(isInside, width, height) {
  const far = Float64Array.from(isInside, (inside) => (inside ? width + height : 0));
  const pass = (i, last, step) => {
    for (; i !== last; i += step) {
      const x = i % width, isFirst = x === (step > 0 ? 0 : width - 1), isLast = x === (step > 0 ? width - 1 : 0);
      const line = i - step * width; // the same place in the line before
      let nearest = far[i];
      if (!isFirst) nearest = Math.min(nearest, far[i - step] + 1);
      if (line >= 0 && line < far.length) {
        nearest = Math.min(nearest, far[line] + 1);
        if (!isFirst) nearest = Math.min(nearest, far[line - step] + Math.SQRT2);
        if (!isLast) nearest = Math.min(nearest, far[line + step] + Math.SQRT2);
      }
      far[i] = nearest;
    }
  };
  pass(0, far.length, 1);
  pass(far.length - 1, -1, -1);
  return far;
}

// Strokes that would be thinner than THINNEST in the networks' image are widened to that. Inside a
// stroke of width w the distances to its edge are w / 4 on average.
function thickened(ink, width, height, shape) {
  const isStroke = ink.map((value) => value > EDGE), inside = distances(isStroke, width, height);
  const area = isStroke.reduce((a, b) => a + b), mean = inside.reduce((a, b) => a + b) / area;
  const margin = (THINNEST / scaleOf(extent(ink, width, height), shape) - 4 * mean) / 2;
  if (!(margin > 0.5)) return { ink, width, height };
  const pad = Math.floor(margin) + 2, w = width + 2 * pad, h = height + 2 * pad;
  const wide = new Float64Array(w * h), outside = new Float64Array(w * h).fill(1);
  ink.forEach((value, i) => {
    const place = (Math.floor(i / width) + pad) * w + (i % width) + pad;
    wide[place] = value;
    outside[place] = 1 - isStroke[i];
  });
  const away = distances(outside, w, h);
  return { ink: wide.map((value, i) => Math.max(value, Math.min(Math.max(margin + 0.5 - away[i], 0), 1))), width: w, height: h };
}

// The mean over 3 x 3 pixels; those at the border stand for what is outside.
function blurred(values, width, height) {
  const along = (of, step, size) => of.map((value, i) => {
    const at = Math.floor(i / step) % size;
    return (of[at > 0 ? i - step : i] + value + of[at < size - 1 ? i + step : i]) / 3;
  });
  return along(along(values, 1, width), width, height);
}

// The ink of a picture, {ink, width, height}, or null where it shows nothing but paper.
function inkOf(picture, shape) {
  const { width, height } = picture, grey = greyOf(picture), paper = paperOf(grey, width, height);
  const difference = grey.map((value, i) => paper[i] - value), smooth = blurred(difference, width, height);
  const darkest = smooth.reduce((a, b) => Math.max(a, b)), lightest = -smooth.reduce((a, b) => Math.min(a, b));
  const isDark = darkest >= lightest, strongest = Math.max(darkest, lightest);
  if (!(strongest >= LEAST_CONTRAST)) return null;
  const raw = difference.map((value) => Math.max(isDark ? value : -value, 0));
  const threshold = EDGE * strongest * otsu(raw.map((value) => Math.min(value / strongest, 1)));
  const clean = withoutSpecks(raw.map((value) => (value > threshold ? value : 0)), width, height);
  const full = percentile(clean.filter((value) => value > 0), FULL);
  return thickened(clean.map((value) => Math.min(value / full, 1)), width, height, shape);
}
