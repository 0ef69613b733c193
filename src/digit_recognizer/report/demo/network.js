"use strict";
// The forward pass of a network, as nn/ computes it in prediction: a list of layers, each from one
// flat array of n images to the next. An image is (height, width, channels), channels fastest; a
// row of features is an image of 1 x 1.

// Y = X W, X of shape (n, inner), W of shape (inner, columns); four rows and two columns at a time,
// so that each number that is read is used more than once.
function product(X, W, Y, n, inner, columns) {
  let row = 0;
  for (; row + 4 <= n; row += 4) {
    const x0 = row * inner, x1 = x0 + inner, x2 = x1 + inner, x3 = x2 + inner;
    let column = 0;
    for (; column + 2 <= columns; column += 2) {
      let a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;
      for (let k = 0, w = column; k < inner; k++, w += columns) {
        const a = W[w], b = W[w + 1];
        const r0 = X[x0 + k], r1 = X[x1 + k], r2 = X[x2 + k], r3 = X[x3 + k];
        a0 += r0 * a; a1 += r1 * a; a2 += r2 * a; a3 += r3 * a;
        b0 += r0 * b; b1 += r1 * b; b2 += r2 * b; b3 += r3 * b;
      }
      let y = row * columns + column;
      Y[y] = a0; Y[y + 1] = b0; y += columns;
      Y[y] = a1; Y[y + 1] = b1; y += columns;
      Y[y] = a2; Y[y + 1] = b2; y += columns;
      Y[y] = a3; Y[y + 1] = b3;
    }
    for (; column < columns; column++) {
      for (let r = row; r < row + 4; r++) Y[r * columns + column] = dot(X, r * inner, W, column, inner, columns);
    }
  }
  // What rows are left, such as the one of a single image: along the columns, as W lies in memory.
  for (; row < n; row++) {
    const y = Y.subarray(row * columns, (row + 1) * columns).fill(0);
    for (let k = 0, w = 0; k < inner; k++) {
      const x = X[row * inner + k];
      if (x === 0) { w += columns; continue; }
      for (let column = 0; column < columns; column++, w++) y[column] += x * W[w];
    }
  }
  return Y;
}

function dot(X, x, W, w, inner, columns) {
  let sum = 0;
  for (let k = 0; k < inner; k++, w += columns) sum += X[x + k] * W[w];
  return sum;
}

// The rows of a matrix are the windows of all images, so that a convolution is one product.
function windowsOf(X, kernel, stride, padding) {
  const height = Math.floor((X.height + 2 * padding - kernel) / stride) + 1;
  const width = Math.floor((X.width + 2 * padding - kernel) / stride) + 1;
  const length = kernel * X.channels;
  const rows = new Float32Array(X.n * height * width * kernel * length);
  let to = 0;
  for (let image = 0; image < X.n; image++) {
    for (let y = -padding; y < height * stride - padding; y += stride) {
      for (let x = -padding; x < width * stride - padding; x += stride) {
        for (let i = y; i < y + kernel; i++, to += length) {
          if (i < 0 || i >= X.height) continue; // the padding's zeros
          const line = (image * X.height + i) * X.width;
          const first = Math.max(x, 0), last = Math.min(x + kernel, X.width);
          const from = (line + first) * X.channels, end = (line + last) * X.channels;
          for (let k = from, t = to + (first - x) * X.channels; k < end; k++, t++) rows[t] = X.values[k];
        }
      }
    }
  }
  return { height, width, rows };
}

function convolution(X, { kernel, stride, padding, weight, bias }) {
  const { height, width, rows } = windowsOf(X, kernel, stride, padding);
  const inner = kernel * kernel * X.channels, channels = weight.length / inner;
  const n = X.n * height * width;
  const values = product(rows, weight, new Float32Array(n * channels), n, inner, channels);
  return { ...X, height, width, channels, values: plus(values, bias) };
}

function dense(X, { weight, bias }) {
  const inner = X.values.length / X.n, channels = weight.length / inner;
  const values = product(X.values, weight, new Float32Array(X.n * channels), X.n, inner, channels);
  return { n: X.n, height: 1, width: 1, channels, values: plus(values, bias) };
}

function plus(values, bias) {
  if (bias) for (let i = 0; i < values.length; i++) values[i] += bias[i % bias.length];
  return values;
}

// Each channel of each window of `size` rows and columns becomes one number: `merge` takes in one
// element after the other, beginning from `start`.
function pool(X, size, stride, start, merge) {
  const { channels } = X;
  const height = Math.floor((X.height - size) / stride) + 1;
  const width = Math.floor((X.width - size) / stride) + 1;
  const values = new Float32Array(X.n * height * width * channels).fill(start);
  let to = 0;
  for (let image = 0; image < X.n; image++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, to += channels) {
        for (let i = 0; i < size; i++) {
          for (let j = 0; j < size; j++) {
            const row = image * X.height + y * stride + i;
            const from = (row * X.width + x * stride + j) * channels;
            for (let c = 0; c < channels; c++) values[to + c] = merge(values[to + c], X.values[from + c]);
          }
        }
      }
    }
  }
  return { ...X, height, width, values };
}

const larger = (a, b) => (a > b ? a : b);
const sum = (a, b) => a + b;

function map(X, f) {
  return { ...X, values: X.values.map(f) };
}

function averagePool(X, size, stride) {
  return map(pool(X, size, stride, 0, sum), (value) => value / (size * size));
}

function globalAverage(X) {
  const area = X.height * X.width, values = new Float32Array(X.n * X.channels);
  for (let i = 0; i < X.values.length; i++) {
    const image = Math.floor(i / (area * X.channels));
    values[image * X.channels + (i % X.channels)] += X.values[i] / area;
  }
  return { ...X, height: 1, width: 1, values };
}

const logistic = (x) => 1 / (1 + Math.exp(-x));

function softmax(X) {
  const values = new Float32Array(X.values.length);
  for (let from = 0; from < values.length; from += X.channels) {
    const row = X.values.subarray(from, from + X.channels), largest = Math.max(...row);
    const total = row.reduce((sum, value) => sum + Math.exp(value - largest), 0);
    row.forEach((value, c) => { values[from + c] = Math.exp(value - largest) / total; });
  }
  return { ...X, values };
}

// One logit for two classes.
function binary(X) {
  const values = new Float32Array(2 * X.n);
  X.values.forEach((value, i) => { values[2 * i] = logistic(-value); values[2 * i + 1] = logistic(value); });
  return { ...X, channels: 2, values };
}

// Each kind of layer: its output for X, of its settings and weights. Dropout is the identity in
// prediction, batch normalization by its running statistics is `affine`, and so is the scaling.
const LAYERS = {
  convolution,
  dense,
  max_pool: (X, { size, stride }) => pool(X, size, stride, -Infinity, larger),
  average_pool: (X, { size, stride }) => averagePool(X, size, stride),
  global_average: globalAverage,
  affine: (X, { scale, shift }) => map(X, (x, i) => x * scale[i % scale.length] + shift[i % shift.length]),
  relu: (X) => map(X, (x) => (x > 0 ? x : 0)),
  leaky_relu: (X, { slope }) => map(X, (x) => (x > 0 ? x : slope * x)),
  tanh: (X) => map(X, Math.tanh),
  logistic: (X) => map(X, logistic),
  silu: (X) => map(X, (x) => x * logistic(x)),
  softmax,
  binary,
};

// A network as the page holds it, its weights taken from base64 to numbers: the layers' arrays stand
// one after the other.
function readNetwork({ layers, weights, ...rest }) {
  const text = atob(weights), bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  let from = 0;
  return {
    ...rest,
    layers: layers.map(({ arrays, ...layer }) => {
      for (const [name, length] of Object.entries(arrays)) {
        layer[name] = new Float32Array(bytes.buffer, 4 * from, length);
        from += length;
      }
      return layer;
    }),
  };
}

// Probabilities, of shape (n, classes), of n images whose pixels are 0 to 255.
function forward(network, pixels, [height, width, channels]) {
  let X = { n: pixels.length / (height * width * channels), height, width, channels, values: pixels };
  for (const layer of network.layers) X = LAYERS[layer.kind](X, layer);
  return X.values;
}

// One prediction from the networks', rows of n images each: the mean over the groups of an ensemble,
// whose members are networks, by their places, or ensembles themselves.
function combine(ensemble, rows, n) {
  if (typeof ensemble === "number") return rows[ensemble];
  return mixed(ensemble.map((group) => {
    const members = group.members.map((member) => combine(member, rows, n));
    return group.coefficients ? stacked(members, group, n) : mixed(members, group.weights);
  }));
}

// The mean, by weights where there are some.
function mixed(members, weights = members.map(() => 1 / members.length)) {
  const mean = new Float64Array(members[0].length);
  members.forEach((row, k) => row.forEach((share, i) => { mean[i] += weights[k] * share; }));
  return mean;
}

// Logistic regression on the logarithms of the members' probabilities.
function stacked(members, { classes, coefficients, intercepts }, n) {
  const length = members[0].length / n, result = new Float64Array(members[0].length);
  for (let image = 0; image < n; image++) {
    const inputs = members.flatMap((row) => Array.from(
      row.subarray(image * length, (image + 1) * length), (share) => Math.log(share + 1e-6)));
    const scores = coefficients.map((row, k) => row.reduce((sum, w, i) => sum + w * inputs[i], intercepts[k]));
    const X = { n: 1, channels: scores.length, values: Float32Array.from(scores) };
    softmax(X).values.forEach((share, k) => { result[image * length + classes[k]] = share; });
  }
  return result;
}
