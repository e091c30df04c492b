// A canvas to draw on: white strokes on black, as in scanned digits.

const PEN = 0.085; // width of a stroke, as a share of the pad
const MARGIN = 0.04; // around a drawing that fills the frame

/**
 * Makes a canvas a drawing pad.
 *
 * @param {HTMLCanvasElement} pad the canvas, square.
 * @param {function()} changed called after each stroke.
 * @return {{clear: function(), isEmpty: function(): boolean, pixels: function(boolean): ImageData}}
 *     `pixels` returns the drawing, centered and scaled to fill the frame if its argument is true.
 */
export function drawingPad(pad, changed) {
  const context = pad.getContext("2d", { willReadFrequently: true });
  let empty = true;
  const clear = () => {
    empty = true;
    context.fillStyle = "#000";
    context.fillRect(0, 0, pad.width, pad.height);
  };
  const place = (event) => {
    const box = pad.getBoundingClientRect();
    return [
      ((event.clientX - box.left) * pad.width) / box.width,
      ((event.clientY - box.top) * pad.height) / box.height,
    ];
  };
  let before = null;
  const stroke = (event) => {
    if (!before) return;
    empty = false;
    const now = place(event);
    Object.assign(context, { strokeStyle: "#fff", lineWidth: PEN * pad.width });
    Object.assign(context, { lineCap: "round", lineJoin: "round" });
    context.beginPath();
    context.moveTo(...before);
    context.lineTo(...now);
    context.stroke();
    before = now;
  };
  pad.addEventListener("pointerdown", (event) => {
    pad.setPointerCapture(event.pointerId);
    before = place(event);
    stroke(event);
  });
  pad.addEventListener("pointermove", stroke);
  for (const end of ["pointerup", "pointercancel"]) {
    pad.addEventListener(end, () => {
      if (before) changed();
      before = null;
    });
  }
  clear();
  const whole = () => context.getImageData(0, 0, pad.width, pad.height);
  const pixels = (fill) => (fill ? filling(pad, whole()) : whole());
  return { clear, isEmpty: () => empty, pixels };
}

/** Returns the drawing alone, centered and scaled in a black square. */
function filling(pad, { data, width, height }) {
  const box = { left: width, top: height, right: 0, bottom: 0 };
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!data[4 * (y * width + x)]) continue;
      box.left = Math.min(box.left, x);
      box.right = Math.max(box.right, x + 1);
      box.top = Math.min(box.top, y);
      box.bottom = Math.max(box.bottom, y + 1);
    }
  }
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  context.fillStyle = "#000";
  context.fillRect(0, 0, width, height);
  const [across, down] = [box.right - box.left, box.bottom - box.top];
  const scale = ((1 - 2 * MARGIN) * width) / Math.max(across, down);
  const [wide, high] = [across * scale, down * scale];
  const middle = [(width - wide) / 2, (height - high) / 2];
  context.drawImage(pad, box.left, box.top, across, down, ...middle, wide, high);
  return context.getImageData(0, 0, width, height);
}
