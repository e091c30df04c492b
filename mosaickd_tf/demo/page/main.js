// The page: inputs for an image, and the predictions of the models.

import { drawingPad } from "./drawing.js";
import { openModels } from "./models.js";
import { toImage } from "./image.js";

const SHOWN = 10; // classes
const LARGEST = 50e6; // pixels of an image
const PRESENT = 0.5; // probability from which an independent label is predicted
const by = (id) => document.getElementById(id);

/** Returns an element with text, which is never parsed as HTML. */
function element(tag, text = "", attributes = {}) {
  const made = document.createElement(tag);
  made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function setStatus(text, state) {
  by("status").textContent = text;
  document.documentElement.dataset.state = state;
}

/** Runs an asynchronous function; shows its error on the page. */
async function attempt(work) {
  try {
    await work();
  } catch (error) {
    setStatus(`Error: ${error.message ?? error}`, "failed");
  }
}

/** Returns the pixels of an image file, rotated according to its EXIF data. */
async function pixelsOf(blob) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none" });
  } catch {
    throw new Error("this is no image that the browser can read");
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
    this.requests = 0;
  }

  /** Shows the predictions of the models for an image; those of an older request are dropped. */
  async show({ data, width, height }, what) {
    const request = ++this.requests;
    const image = toImage(data, width, height, this.about.image);
    const predictions = [];
    for (const model of this.models) predictions.push(await model.predict(image));
    if (request !== this.requests) return;
    this.showImage(image);
    by("what").textContent = what;
    for (const example of by("examples").querySelectorAll("button")) {
      example.setAttribute("aria-pressed", String(example.title === what));
    }
    by("answer").textContent = this.predicted(predictions[0].shares)
      .map((number) => this.about.labels[number])
      .join(", ") || "no label";
    by("models").replaceChildren(...this.models.map((model, n) => this.column(model, predictions[n])));
    setStatus(this.about.lead, "ready");
  }

  /** Returns the numbers of the predicted labels: the class with the highest share, or several. */
  predicted(shares) {
    const order = highest(shares);
    if (!this.about.multi_label) return order.slice(0, 1);
    return order.filter((number) => shares[number] > PRESENT);
  }

  showImage(image) {
    const { height, width, channels } = this.about.image;
    const canvas = by("seen");
    [canvas.width, canvas.height] = [width, height];
    const shown = new ImageData(width, height);
    for (let place = 0; place < width * height; place++) {
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
    const predicted = this.predicted(shares);
    const rows = highest(shares).slice(0, SHOWN);
    if (shares.length <= SHOWN) rows.sort((one, other) => one - other);
    for (const number of rows) {
      bars.append(this.bar(number, shares[number], outputs[number], predicted.includes(number)));
    }
    const time = `${milliseconds.toPrecision(2)} ms`;
    column.append(element("h2", facts.name));
    column.append(element("p", `${bytes} bytes, ${time}`, { class: "facts" }), bars);
    return column;
  }

  bar(number, share, output, predicted) {
    const label = this.about.labels[number];
    const row = element("li", "", { "data-class": number, "data-output": output });
    row.classList.toggle("named", predicted);
    const bar = element("span", "", { class: "bar", "aria-hidden": "true" });
    const filled = bar.appendChild(element("span"));
    filled.style.width = `${100 * Math.min(1, Math.max(0, share))}%`;
    row.append(element("span", label, { class: "label", title: label }), bar);
    row.append(element("span", `${(100 * share).toFixed(1)} %`, { class: "number" }));
    return row;
  }
}

/** Returns the numbers of the classes, the highest share first. */
function highest(shares) {
  return [...shares.keys()].sort((one, other) => shares[other] - shares[one]);
}

function offerDrawing(page) {
  const pad = drawingPad(by("pad"), () => draw());
  const draw = () => {
    if (!pad.isEmpty()) attempt(() => page.show(pad.pixels(by("fit").checked), "Your drawing"));
  };
  by("clear").addEventListener("click", pad.clear);
  by("fit").addEventListener("change", draw);
  by("drawing").hidden = false;
}

function offerFiles(page) {
  const take = (file) => file && attempt(async () => page.show(await pixelsOf(file), file.name));
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
    button.addEventListener("click", () => attempt(async () => page.show(await pixels(), what)));
    return button;
  });
  for (const button of buttons) by("examples").appendChild(element("li")).append(button);
  by("given").hidden = !buttons.length;
  buttons[0]?.click();
}

await attempt(async () => {
  const about = await (await fetch("/about.json")).json();
  by("title").textContent = document.title = about.title;
  const page = new Page(about, await openModels(about.models, about.multi_label));
  by("tool").hidden = false;
  if (about.image.channels === 1) offerDrawing(page);
  offerFiles(page);
  setStatus(about.lead, about.examples.length ? "loading" : "ready");
  offerExamples(page, about.examples);
});
