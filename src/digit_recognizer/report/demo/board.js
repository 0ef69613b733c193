"use strict";
// The drawing area: strokes of pointers and keys, a picture under them, undo.

const SIZE = 400;

// Calls `changed` after each change, with `at`, the time of the event that made it.
class Board {
  constructor(canvas, changed) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { willReadFrequently: true });
    this.changed = changed;
    this.pen = 30;
    this.items = []; // strokes {pen, points}, pictures {image, pixels}, and {isBlank} where it was cleared
    this.strokes = new Map(); // those being drawn, by pointer
    this.cursor = null; // where the keys are, once one was pressed
    for (const [type, act] of Object.entries({
      pointerdown: this.begin, pointermove: this.move, pointerup: this.end, pointercancel: this.end,
      keydown: this.key, blur: this.leave,
    })) canvas.addEventListener(type, act.bind(this));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  place(event) {
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    return [((event.clientX - left) / width) * SIZE, ((event.clientY - top) / height) * SIZE];
  }

  begin(event) {
    if (event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.strokes.set(event.pointerId, this.newStroke(this.place(event)));
    this.leave();
    this.update(event);
  }

  newStroke(point) {
    const stroke = { pen: this.pen, points: [point] };
    this.items.push(stroke);
    return stroke;
  }

  move(event) {
    const stroke = this.strokes.get(event.pointerId);
    if (!stroke) return;
    // Several moves between two frames come as one event; the browser may not tell them apart.
    const moves = event.getCoalescedEvents?.() ?? [];
    for (const one of moves.length ? moves : [event]) stroke.points.push(this.place(one));
    this.update(event);
  }

  end(event) {
    if (this.strokes.delete(event.pointerId)) this.update(event);
  }

  key(event) {
    const step = event.shiftKey ? 4 : 16;
    const steps = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    const isCommand = event.ctrlKey || event.metaKey;
    if (isCommand && event.key === "z") this.undo();
    else if (isCommand || event.altKey) return;
    else if (event.key in steps) this.step(...steps[event.key]);
    else if (event.key === " ") this.touch();
    else if (event.key === "Backspace") this.undo();
    else if (event.key === "Delete") this.clear();
    else return;
    event.preventDefault();
    this.update(event);
  }

  step(x, y) {
    this.cursor ??= [SIZE / 2, SIZE / 2];
    this.cursor = this.cursor.map((at, i) => Math.min(Math.max(at + (i ? y : x), 0), SIZE));
    this.strokes.get("keys")?.points.push(this.cursor);
  }

  // Put the keys' pen down, or lift it.
  touch() {
    this.cursor ??= [SIZE / 2, SIZE / 2];
    if (!this.strokes.delete("keys")) this.strokes.set("keys", this.newStroke(this.cursor));
  }

  get isDown() { return this.strokes.has("keys"); }

  leave() {
    this.strokes.delete("keys");
    this.cursor = null;
    this.draw();
  }

  undo() {
    this.strokes.clear();
    this.items.pop();
    this.update();
  }

  clear() {
    this.strokes.clear();
    if (this.visible.length) this.items.push({ isBlank: true });
    this.update();
  }

  // A picture takes the place of what was there, which undo brings back: a canvas of ink, and where
  // it is an image as the networks take it, its pixels.
  show(image, pixels = null) {
    this.strokes.clear();
    this.items.push({ image, pixels });
    this.update();
  }

  // What there is to see: the last picture and the strokes on it.
  get visible() {
    const first = this.items.findLastIndex((item) => item.image || item.isBlank);
    return this.items.slice(Math.max(first, 0)).filter((item) => !item.isBlank);
  }

  update(event) {
    this.draw();
    this.changed(event?.timeStamp ?? performance.now());
  }

  draw() {
    this.paint();
    if (!this.cursor) return;
    const { context, cursor: [x, y] } = this;
    context.lineWidth = 2;
    context.beginPath();
    context.arc(x, y, 12, 0, 7);
    context.moveTo(x - 20, y); context.lineTo(x + 20, y);
    context.moveTo(x, y - 20); context.lineTo(x, y + 20);
    context.stroke();
  }

  paint() {
    const { context } = this;
    context.clearRect(0, 0, SIZE, SIZE);
    context.lineCap = context.lineJoin = "round";
    context.strokeStyle = context.fillStyle = getComputedStyle(this.canvas).color;
    for (const item of this.visible) {
      if (item.image) this.paintPicture(item.image);
      else this.paintStroke(item);
    }
  }

  paintStroke({ pen, points }) {
    const { context } = this;
    context.lineWidth = pen;
    context.beginPath();
    context.moveTo(...points[0]);
    for (const point of points) context.lineTo(...point);
    context.stroke();
  }

  // The picture's ink, as large as fits, in the colour of the strokes.
  paintPicture(image) {
    const { context } = this, scale = SIZE / Math.max(image.width, image.height);
    const width = image.width * scale, height = image.height * scale;
    context.imageSmoothingEnabled = scale < 4;
    context.drawImage(image, (SIZE - width) / 2, (SIZE - height) / 2, width, height);
    context.globalCompositeOperation = "source-in";
    context.fillRect(0, 0, SIZE, SIZE);
    context.globalCompositeOperation = "source-over";
  }

  // The image for the networks, of shape (height, width, channels), or null if it is empty.
  pixels(shape) {
    const [first, second] = this.visible;
    if (first?.pixels && !second) return first.pixels;
    this.paint(); // without the keys' cursor
    const { data } = this.context.getImageData(0, 0, SIZE, SIZE);
    const ink = new Float32Array(SIZE * SIZE);
    for (let i = 0; i < ink.length; i++) ink[i] = data[4 * i + 3] / 255;
    this.draw();
    return normalForm(ink, SIZE, SIZE, shape);
  }
}

// A canvas whose opacity is the ink, 0 to 1.
function inkCanvas(ink, width, height) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const image = new ImageData(width, height);
  for (let i = 0; i < ink.length; i++) image.data[4 * i + 3] = 255 * ink[i];
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}
