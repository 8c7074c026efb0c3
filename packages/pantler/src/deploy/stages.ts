import type { Stage } from "./request.js";

/** Measures the parts of a deployment. */
export class Stages {
  readonly #done: Stage[] = [];

  /** The parts that are over, whether they went well or not. */
  get done(): readonly Stage[] {
    return this.#done;
  }

  async run<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    const started = performance.now();
    try {
      return await work();
    } finally {
      this.#done.push({ name, milliseconds: Math.round(performance.now() - started) });
    }
  }
}
