"use strict";
document.documentElement.classList.add("scripted");

const element = (name, attributes = {}, text = "") => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
};

// The images of a cell of the confusion matrix.
const found = document.getElementById("cells");
if (found) {
  const { cells, classes, counts, columns } = JSON.parse(found.textContent);
  const place = document.getElementById("cell");
  const show = (button) => {
    const [label, prediction] = button.dataset.cell.split(",").map(Number);
    const images = cells[button.dataset.cell] || [];
    const what = label === prediction
      ? `${classes[label]}, found: the ${images.length} least certain`
      : `${classes[label]}, taken for ${classes[prediction]}: the ${images.length} surest`;
    const list = element("ul", { class: "tiles" });
    for (const [index, row, probability] of images) {
      const tile = element("span", { class: "tile train", role: "img" });
      tile.setAttribute("aria-label", `training image ${row}, labelled ${classes[label]}`);
      tile.style.setProperty("--x", index % columns);
      tile.style.setProperty("--y", Math.floor(index / columns));
      const caption = element("span", { class: "caption" });
      caption.append(element("span", { class: "id" }, row), element("span", {}, probability.toFixed(2)));
      const item = element("li");
      item.append(tile, caption);
      list.append(item);
    }
    place.replaceChildren(element("h3", {}, `${what} of ${counts[label][prediction]}`), list);
    for (const pressed of document.querySelectorAll("[data-cell][aria-pressed=true]")) {
      pressed.setAttribute("aria-pressed", "false");
    }
    button.setAttribute("aria-pressed", "true");
    place.scrollIntoView({ block: "nearest" });
  };
  for (const button of document.querySelectorAll("[data-cell]")) {
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => show(button));
  }
}

// Charts: the lines are moved under axes that stay, and the ticks say where they are.
const written = (value, step, percent) => {
  const [number, size] = percent ? [value * 100, step * 100] : [value, step];
  const digits = Math.min(8, Math.max(0, 1 - Math.floor(Math.log10(size))));
  return number.toFixed(digits) + (percent ? "%" : "");
};

const SVG = "http://www.w3.org/2000/svg";

class Chart {
  constructor(figure) {
    Object.assign(this, JSON.parse(figure.dataset.zoom));
    this.figure = figure;
    this.svg = figure.querySelector("svg");
    this.first = { x: this.x.range, y: this.y.range };
    this.labels = {};
    for (const axis of ["x", "y"]) {
      this.labels[axis] = this[axis].ticks.map(([id, share]) => {
        const text = document.getElementById(id).querySelector("text");
        return { text, share, first: text.textContent };
      });
    }
    this.clip();
    this.addButtons();
    this.svg.addEventListener("pointerdown", (event) => this.drag(event));
    this.svg.addEventListener("dblclick", () => this.show(this.first.x, this.first.y));
  }

  // The part that is shown stays where it is while what it shows moves.
  clip() {
    this.moved = [];
    for (const clipped of this.svg.querySelectorAll("path[clip-path]")) {
      const group = document.createElementNS(SVG, "g");
      group.setAttribute("clip-path", clipped.getAttribute("clip-path"));
      clipped.removeAttribute("clip-path");
      clipped.replaceWith(group);
      group.append(clipped);
      // The lines of the grid stay at their ticks.
      if (clipped.closest("[id*=xtick], [id*=ytick]")) continue;
      clipped.setAttribute("vector-effect", "non-scaling-stroke");
      this.moved.push(clipped);
    }
    this.marks = [...this.svg.querySelectorAll("g[clip-path] use")].map((mark) => ({
      mark, x: Number(mark.getAttribute("x")), y: Number(mark.getAttribute("y")),
    }));
  }

  addButtons() {
    const bar = element("div", { class: "bar", role: "group", "aria-label": "Zoom" });
    const add = (sign, label, action) => {
      const button = element("button", { type: "button", "aria-label": label, title: label }, sign);
      button.addEventListener("click", action);
      bar.append(button);
    };
    const scaled = (factor) => () => {
      // Curves are looked at where they end.
      const [x0, x1] = this.x.range, [y0, y1] = this.y.range;
      const middle = (y0 + y1) / 2, half = (y1 - y0) * factor / 2;
      this.show([x1 - (x1 - x0) * factor, x1], [middle - half, middle + half]);
    };
    const shifted = (dx, dy) => () => {
      const [x0, x1] = this.x.range, [y0, y1] = this.y.range;
      const x = dx * (x1 - x0) / 4, y = dy * (y1 - y0) / 4;
      this.show([x0 + x, x1 + x], [y0 + y, y1 + y]);
    };
    add("+", "Enlarge", scaled(0.5));
    add("−", "Make smaller", scaled(2));
    add("←", "Left", shifted(-1, 0));
    add("→", "Right", shifted(1, 0));
    add("↑", "Up", shifted(0, 1));
    add("↓", "Down", shifted(0, -1));
    add("⟲", "Show all", () => this.show(this.first.x, this.first.y));
    this.figure.append(bar);
  }

  show(x, y) {
    this.x.range = x;
    this.y.range = y;
    const [left, top, right, bottom] = this.box;
    const [a0, a1] = this.first.x, [b0, b1] = this.first.y;
    const kx = (a1 - a0) / (x[1] - x[0]), ky = (b1 - b0) / (y[1] - y[0]);
    const dx = left - kx * (left + (right - left) * (x[0] - a0) / (a1 - a0));
    const dy = bottom - ky * (bottom - (bottom - top) * (y[0] - b0) / (b1 - b0));
    const whole = x === this.first.x && y === this.first.y;
    for (const path of this.moved) path.setAttribute("transform", `matrix(${kx} 0 0 ${ky} ${dx} ${dy})`);
    for (const { mark, x: mx, y: my } of this.marks) {
      mark.setAttribute("x", kx * mx + dx);
      mark.setAttribute("y", ky * my + dy);
    }
    for (const axis of ["x", "y"]) {
      const [low, high] = this[axis].range;
      const step = (high - low) / Math.max(this.labels[axis].length, 1);
      for (const { text, share, first } of this.labels[axis]) {
        text.textContent = whole ? first : written(low + share * (high - low), step, this[axis].percent);
      }
    }
  }

  // Where a pointer is, in the units of the drawing.
  at(event) {
    const point = new DOMPoint(event.clientX, event.clientY);
    const { x, y } = point.matrixTransform(this.svg.getScreenCTM().inverse());
    const [left, top, right, bottom] = this.box;
    return [Math.min(Math.max(x, left), right), Math.min(Math.max(y, top), bottom)];
  }

  drag(event) {
    if (event.button !== 0 || event.pointerType === "touch") return;
    event.preventDefault();
    const start = this.at(event);
    const box = document.createElementNS(SVG, "rect");
    box.setAttribute("class", "box");
    this.svg.append(box);
    const corners = (other) => [0, 1].map((i) => [start[i], other[i]].sort((a, b) => a - b));
    const move = (moved) => {
      const [[x0, x1], [y0, y1]] = corners(this.at(moved));
      for (const [key, value] of Object.entries({ x: x0, y: y0, width: x1 - x0, height: y1 - y0 })) {
        box.setAttribute(key, value);
      }
    };
    const end = (ended) => {
      removeEventListener("pointermove", move);
      box.remove();
      const [[x0, x1], [y0, y1]] = corners(this.at(ended));
      if (x1 - x0 < 6 || y1 - y0 < 6) return;
      const [left, top, right, bottom] = this.box;
      const along = ([low, high], share) => low + share * (high - low);
      this.show(
        [x0, x1].map((x) => along(this.x.range, (x - left) / (right - left))),
        [y1, y0].map((y) => along(this.y.range, (bottom - y) / (bottom - top))),
      );
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", end, { once: true });
  }
}

for (const figure of document.querySelectorAll("[data-zoom]")) new Chart(figure);

// On paper nothing can be opened.
let closed = [];
addEventListener("beforeprint", () => {
  closed = [...document.querySelectorAll("details:not([open])")];
  for (const one of closed) one.open = true;
});
addEventListener("afterprint", () => {
  for (const one of closed) one.open = false;
});
