// The student's files, each run by LiteRT.js on the processor.

import { loadAndCompile, loadLiteRt, Tensor } from "@litertjs/core";

// A latency is the median of some rounds' means, each of as many runs as go into so many
// milliseconds: browsers read their clock coarsely.
const ROUNDS = 7;
const MILLISECONDS = 6;
const RUNS = 200; // of a round at most

/**
 * Loads the runtime and the files.
 *
 * @param {Array} about what the server says of each file.
 * @return {Promise<Array<Model>>}
 */
export async function openModels(about) {
  await loadLiteRt("/litert/core/wasm/");
  const opened = [];
  for (const facts of about) {
    opened.push(new Model(facts, await loadAndCompile(facts.path, { accelerator: "wasm" })));
  }
  return opened;
}

class Model {
  constructor(facts, compiled) {
    this.facts = facts;
    this.compiled = compiled;
    this.shape = compiled.getInputDetails()[0].shape;
  }

  /**
   * Runs one image.
   *
   * @param {Uint8Array} image as `toImage` makes it.
   * @return {Promise<{outputs, shares: Array<number>, milliseconds: number}>} what the file
   *     returned as it is, a share for each class, and the time of one image.
   */
  async answer(image) {
    const input = new Tensor(image, this.shape);
    try {
      const outputs = await this.run(input); // the first run, which is slower, is not timed
      const milliseconds = await this.latency(input);
      return { outputs, shares: this.shares(outputs), milliseconds };
    } finally {
      input.delete();
    }
  }

  async run(input) {
    const [result] = await this.compiled.run(input);
    const outputs = result.toTypedArray().slice();
    result.delete();
    return outputs;
  }

  async latency(input) {
    const means = [];
    for (let round = 0; round < ROUNDS; round++) {
      const began = performance.now();
      let count = 0;
      do {
        await this.run(input);
        count++;
      } while (count < RUNS && performance.now() - began < MILLISECONDS);
      means.push((performance.now() - began) / count);
    }
    return means.sort((one, other) => one - other)[(ROUNDS - 1) / 2];
  }

  shares(outputs) {
    const { scale, zero_point: zero, returns } = this.facts;
    const values = Array.from(outputs, (value) => (scale ? scale * (value - zero) : value));
    if (returns === "probabilities") return values;
    const highest = Math.max(...values);
    const powers = values.map((value) => Math.exp(value - highest));
    const sum = powers.reduce((total, value) => total + value, 0);
    return powers.map((value) => value / sum);
  }
}
