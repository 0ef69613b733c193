"use strict";
// The run's hardest training images, to name oneself: what the label says, and what the networks
// said that had not been trained on the image.

const ROUND = 10;

const quiz = data.quiz.map((riddle) => ({
  ...riddle,
  pixels: Uint8Array.from(atob(riddle.pixels), (character) => character.charCodeAt(0)),
}));
let round = [], asked = 0, mine = 0, theirs = 0;

function shuffled(list) {
  const copy = [...list];
  for (let i = copy.length - 1; i > 0; i--) {
    const k = Math.floor(Math.random() * (i + 1));
    [copy[i], copy[k]] = [copy[k], copy[i]];
  }
  return copy;
}

const choices = classes.map((name, i) => {
  const button = element("button", { type: "button", textContent: name });
  button.addEventListener("click", () => answer(i));
  $("choices").append(button);
  return button;
});

function begin() {
  round = shuffled(quiz).slice(0, ROUND);
  asked = mine = theirs = 0;
  $("start").hidden = true;
  $("question").hidden = false;
  ask();
}

function ask() {
  paintImage($("riddle"), round[asked].pixels);
  $("riddle").setAttribute("aria-label", `Hard image ${asked + 1} of ${round.length}`);
  $("quiz-text").textContent = `Image ${asked + 1} of ${round.length}: what is it?`;
  $("verdict").textContent = "";
  $("next").hidden = $("inspect").hidden = true;
  for (const button of choices) { button.disabled = false; button.className = ""; }
}

function answer(given) {
  const { label, prediction, probability, row } = round[asked];
  mine += given === label;
  theirs += prediction === label;
  asked++;
  for (const button of choices) button.disabled = true;
  choices[given].classList.add("missed");
  choices[label].className = "label";
  const [you, they] = [given, prediction].map((one) => (one === label ? "right" : "wrong"));
  $("verdict").textContent = `You say ${classes[given]}: ${you}. The networks say ${classes[prediction]} (${percent(probability)}): ${they}. `
    + `The label of training row ${row.toLocaleString("en")} is ${classes[label]}. So far you have ${mine} of ${asked}, the networks ${theirs}.`;
  $("inspect").hidden = false;
  $("next").hidden = false;
  $("next").textContent = asked < round.length ? "Next" : "Result";
  $("next").focus();
}

function next() {
  if (asked < round.length) {
    ask();
    choices[0].focus();
    return;
  }
  const verdict = mine > theirs ? "you did better than the networks" : mine < theirs ? "the networks did better" : "as good as each other";
  $("question").hidden = true;
  $("quiz-text").textContent = `You have ${mine} of ${asked}, the networks ${theirs}: ${verdict}. Some labels are wrong themselves.`;
  $("start").textContent = "Again";
  $("start").hidden = false;
  $("start").focus();
}

// Digits and letters answer, where a class is one sign.
document.addEventListener("keydown", (event) => {
  const isOpen = !$("question").hidden && $("quiz").contains(document.activeElement);
  const button = choices[classes.indexOf(event.key)];
  if (isOpen && button && !button.disabled && !event.ctrlKey && !event.metaKey && !event.altKey) button.click();
});

if (quiz.length) {
  $("quiz-text").textContent = data.quiz_about;
  $("start").addEventListener("click", () => { begin(); choices[0].focus(); });
  $("next").addEventListener("click", next);
  $("inspect").addEventListener("click", () => {
    inspect(round[asked - 1].pixels);
    $("board").scrollIntoView({ block: "center" });
    $("board").focus({ preventScroll: true });
  });
} else {
  $("quiz").hidden = true;
}
