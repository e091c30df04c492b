// The student's files, each run by LiteRT.js on the CPU.

import { loadAndCompile, loadLiteRt, Tensor } from "@litertjs/core";

// A latency is the median of the mean times of several rounds, each of as many runs as fit into
// some milliseconds: browsers have a coarse clock.
const ROUNDS = 7;
const MILLISECONDS = 6;
const RUNS = 200; // of a round at most

/**
 * Loads the runtime and the files.
 *
 * @param {Array} models facts on each file, of about.json.
 * @param {boolean} multiLabel whether probabilities are independent.
 * @return {Promise<Array<Model>>}
 */
export async function openModels(models, multiLabel) {
  await loadLiteRt("/litert/core/wasm/");
  const opened = [];
  for (const facts of models) {
    const compiled = await loadAndCompile(facts.path, { accelerator: "wasm" });
    opened.push(new Model(facts, compiled, multiLabel));
  }
  return opened;
}

class Model {
  constructor(facts, compiled, multiLabel) {
    this.facts = facts;
    this.compiled = compiled;
    this.multiLabel = multiLabel;
    this.shape = compiled.getInputDetails()[0].shape;
  }

  /**
   * Runs one image.
   *
   * @param {Uint8Array} image as returned by `toImage`.
   * @return {Promise<{outputs, shares: Array<number>, milliseconds: number}>} outputs of the
   *     file, the probability of each class, and the time of one image.
   */
  async predict(image) {
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
    if (this.multiLabel) return values.map((value) => 1 / (1 + Math.exp(-value)));
    const highest = Math.max(...values);
    const powers = values.map((value) => Math.exp(value - highest));
    const sum = powers.reduce((total, value) => total + value, 0);
    return powers.map((value) => value / sum);
  }
}
