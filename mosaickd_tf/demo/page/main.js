// Puts the page together: where a picture comes from, and what the models say of it.

import { drawingPad } from "./drawing.js";
import { openModels } from "./models.js";
import { toImage } from "./picture.js";

const SHOWN = 10; // classes
const LARGEST = 50e6; // pixels of a picture
const by = (id) => document.getElementById(id);

/** An element with text in it, which is text whatever it holds. */
function element(tag, text = "", attributes = {}) {
  const made = document.createElement(tag);
  made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function say(words, state) {
  by("status").textContent = words;
  document.documentElement.dataset.state = state;
}

/** Does what was asked; a failure is said on the page. */
async function trying(work) {
  try {
    await work();
  } catch (error) {
    say(`That did not work: ${error.message ?? error}`, "failed");
  }
}

/** The pixels of a picture from a file or an address, turned as its EXIF data say. */
async function pixelsOf(blob) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none" });
  } catch {
    throw new Error("this is no picture that the browser can read");
  }
  const { width, height } = bitmap;
  if (width * height > LARGEST) throw new Error(`${width} × ${height} pixels are too many`);
  const context = new OffscreenCanvas(width, height).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.getImageData(0, 0, width, height);
}

class Page {
  constructor(about, models) {
    this.about = about;
    this.models = models;
    this.asked = 0;
  }

  /** Shows what the models say of a picture; the answer to an older one is dropped. */
  async show({ data, width, height }, what) {
    const asked = ++this.asked;
    const image = toImage(data, width, height, this.about.image);
    const answers = [];
    for (const model of this.models) answers.push(await model.answer(image));
    if (asked !== this.asked) return;
    this.showImage(image);
    by("what").textContent = what;
    for (const example of by("examples").querySelectorAll("button")) {
      example.setAttribute("aria-pressed", String(example.title === what));
    }
    by("answer").textContent = this.about.labels[highest(answers[0].shares)[0]];
    by("models").replaceChildren(...this.models.map((model, n) => this.column(model, answers[n])));
    say(this.about.lead, "ready");
  }

  showImage(image) {
    const { size, channels } = this.about.image;
    const canvas = by("seen");
    canvas.width = canvas.height = size;
    const shown = new ImageData(size, size);
    for (let place = 0; place < size * size; place++) {
      for (let channel = 0; channel < 3; channel++) {
        shown.data[4 * place + channel] = image[place * channels + (channel % channels)];
      }
      shown.data[4 * place + 3] = 255;
    }
    canvas.getContext("2d").putImageData(shown, 0, 0);
  }

  column({ facts }, { outputs, shares, milliseconds }) {
    const column = element("section", "", { "data-file": facts.file });
    const bytes = facts.bytes.toLocaleString("en");
    const bars = element("ol", "", { class: "bars" });
    const [first] = highest(shares);
    const rows = highest(shares).slice(0, SHOWN);
    if (shares.length <= SHOWN) rows.sort((one, other) => one - other);
    for (const number of rows) {
      bars.append(this.bar(number, shares[number], outputs[number], number === first));
    }
    const time = `${milliseconds.toPrecision(2)} ms`;
    column.append(element("h2", facts.name));
    column.append(element("p", `${bytes} bytes, ${time}`, { class: "facts" }), bars);
    return column;
  }

  bar(number, share, output, named) {
    const label = this.about.labels[number];
    const row = element("li", "", { "data-class": number, "data-output": output });
    row.classList.toggle("named", named);
    const bar = element("span", "", { class: "bar", "aria-hidden": "true" });
    const filled = bar.appendChild(element("span"));
    filled.style.width = `${100 * Math.min(1, Math.max(0, share))}%`;
    row.append(element("span", label, { class: "label", title: label }), bar);
    row.append(element("span", `${(100 * share).toFixed(1)} %`, { class: "number" }));
    return row;
  }
}

/** Numbers of the classes, the highest share first. */
function highest(shares) {
  return [...shares.keys()].sort((one, other) => shares[other] - shares[one]);
}

function offerDrawing(page) {
  const pad = drawingPad(by("pad"), () => draw());
  const draw = () => {
    if (!pad.isEmpty()) trying(() => page.show(pad.pixels(by("fit").checked), "Your drawing"));
  };
  by("clear").addEventListener("click", pad.clear);
  by("fit").addEventListener("change", draw);
  by("drawing").hidden = false;
}

function offerFiles(page) {
  const take = (file) => file && trying(async () => page.show(await pixelsOf(file), file.name));
  by("file").addEventListener("change", () => take(by("file").files[0]));
  const mark = (on) => document.body.classList.toggle("dragged", on);
  for (const [kind, on] of [["dragover", true], ["dragleave", false], ["drop", false]]) {
    document.addEventListener(kind, (event) => {
      event.preventDefault();
      mark(on);
    });
  }
  document.addEventListener("drop", (event) => take(event.dataTransfer.files[0]));
}

function offerExamples(page, examples) {
  const buttons = examples.map(({ path, what }) => {
    const button = element("button", "", { type: "button", title: what, "aria-pressed": "false" });
    button.append(element("img", "", { src: path, alt: what }));
    const pixels = async () => pixelsOf(await (await fetch(path)).blob());
    button.addEventListener("click", () => trying(async () => page.show(await pixels(), what)));
    return button;
  });
  for (const button of buttons) by("examples").appendChild(element("li")).append(button);
  by("given").hidden = !buttons.length;
  buttons[0]?.click();
}

await trying(async () => {
  const about = await (await fetch("/about.json")).json();
  by("title").textContent = document.title = about.title;
  const page = new Page(about, await openModels(about.models));
  by("tool").hidden = false;
  if (about.image.channels === 1) offerDrawing(page);
  offerFiles(page);
  say(about.lead, about.examples.length ? "loading" : "ready");
  offerExamples(page, about.examples);
});
