// Converts the pixels of any image to the model's input as the package does in Python, within one
// level of 255: gray if the model is, the center of its shape, a triangle filter.

/**
 * Makes an image of the model's size.
 *
 * @param {Uint8ClampedArray} rgba four bytes per pixel, row by row; the fourth is ignored.
 * @param {number} width of the image in pixels.
 * @param {number} height of the image in pixels.
 * @param {{height: number, width: number, channels: number}} result its shape, channels 1 or 3.
 * @return {Uint8Array} height · width · channels bytes of the result.
 */
export function toImage(rgba, width, height, result) {
  const { channels } = result;
  const pixels = channels === 1 ? gray(rgba) : color(rgba);
  const scale = Math.min(width / result.width, height / result.height);
  const [cropWidth, cropHeight] = [scale * result.width, scale * result.height];
  const across = weights(width, (width - cropWidth) / 2, cropWidth, result.width);
  const down = weights(height, (height - cropHeight) / 2, cropHeight, result.height);
  const [wide, row] = [width * channels, result.width * channels];
  const narrow = new Uint8ClampedArray(height * row);
  for (let y = 0; y < height; y++) {
    filtered(pixels, y * wide, channels, narrow, y * row, channels, across, channels);
  }
  const image = new Uint8ClampedArray(result.height * row);
  for (let x = 0; x < row; x += channels) {
    filtered(narrow, x, row, image, x, row, down, channels);
  }
  return new Uint8Array(image);
}

/** Resizes a line of pixels `step` bytes apart; the typed arrays written to round and clamp. */
function filtered(pixels, start, step, to, toStart, toStep, filter, channels) {
  filter.forEach(({ first, shares }, place) => {
    for (let channel = 0; channel < channels; channel++) {
      let sum = 0;
      for (let k = 0; k < shares.length; k++) {
        sum += shares[k] * pixels[start + (first + k) * step + channel];
      }
      to[toStart + place * toStep + channel] = sum;
    }
  });
}

/** Returns the source pixels of each of `count` resized pixels of a line, and their weights. */
function weights(line, from, length, count) {
  const scale = length / count;
  const reach = Math.max(scale, 1);
  return Array.from({ length: count }, (_, place) => {
    const center = from + (place + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - reach + 0.5));
    const end = Math.min(line, Math.trunc(center + reach + 0.5));
    const heights = [];
    for (let x = first; x < end; x++) {
      heights.push(Math.max(0, 1 - Math.abs(x - center + 0.5) / reach));
    }
    const sum = heights.reduce((total, value) => total + value, 0);
    return { first, shares: heights.map((value) => value / sum) };
  });
}

function gray(rgba) {
  const pixels = new Uint8Array(rgba.length / 4);
  for (let to = 0, from = 0; to < pixels.length; to++, from += 4) {
    const light = rgba[from] * 19595 + rgba[from + 1] * 38470 + rgba[from + 2] * 7471;
    pixels[to] = (light + 0x8000) >> 16;
  }
  return pixels;
}

function color(rgba) {
  const pixels = new Uint8Array((rgba.length / 4) * 3);
  for (let to = 0, from = 0; to < pixels.length; to += 3, from += 4) {
    for (let channel = 0; channel < 3; channel++) pixels[to + channel] = rgba[from + channel];
  }
  return pixels;
}
