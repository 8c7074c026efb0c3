export type StepStatus = "done" | "skipped" | "failed";
export type FindingLevel = "info" | "warning" | "error";

export type OperationEvent =
  | { readonly type: "step-started"; readonly step: number; readonly title: string }
  | {
      readonly type: "step-progress";
      readonly step: number;
      readonly done: number;
      readonly total: number;
      readonly note: string;
    }
  | {
      readonly type: "step-ended";
      readonly step: number;
      readonly title: string;
      readonly status: StepStatus;
      readonly milliseconds: number;
      readonly note?: string;
    }
  | { readonly type: "finding"; readonly level: FindingLevel; readonly message: string };

export type Listener = (event: OperationEvent) => void;

/** Progress is reported at most this often, in milliseconds. */
const progressInterval = 100;

export interface Step {
  /** Reports how far the step is; `done` and `total` are counts of the same thing, which `note` names. */
  progress(done: number, total: number, note: string): void;
  /** Ends the step as skipped instead of done, for the reason given. */
  skip(reason: string): void;
  /** What the finished step should say beside its title. */
  note(text: string): void;
}

/**
 * The one way in which long work reports itself. Rooms run steps through it; the terminal, `--json` and the
 * journal listen. It prints nothing.
 */
export class Operation {
  readonly #listeners: readonly Listener[];
  #count = { steps: 0 };
  #prefix = "";

  constructor(...listeners: readonly Listener[]) {
    this.#listeners = listeners;
  }

  /**
   * The same operation for a part of its work: its steps are counted on, and their titles begin with the part's name.
   */
  part(name: string): Operation {
    const part = new Operation(...this.#listeners);
    part.#count = this.#count;
    part.#prefix = `${this.#prefix}${name}: `;
    return part;
  }

  /**
   * Runs one step and reports its start and end.
   * @param name what the step does, in words a user knows
   * @param work receives the step to report progress on; what it throws ends the step as failed and is thrown on
   */
  async step<Result>(name: string, work: (step: Step) => Promise<Result>): Promise<Result> {
    this.#count.steps += 1;
    const step = this.#count.steps;
    const title = `${this.#prefix}${name}`;
    const started = performance.now();
    let status: StepStatus = "done";
    let note: string | undefined;
    let reported = Number.NEGATIVE_INFINITY;
    this.#emit({ type: "step-started", step, title });
    const end = () =>
      this.#emit({
        type: "step-ended",
        step,
        title,
        status,
        milliseconds: performance.now() - started,
        ...(note === undefined ? {} : { note }),
      });
    try {
      const result = await work({
        progress: (done, total, words) => {
          const now = performance.now();
          if (now - reported < progressInterval) return;
          reported = now;
          this.#emit({ type: "step-progress", step, done, total, note: words });
        },
        skip: (reason) => {
          status = "skipped";
          note = reason;
        },
        note: (text) => {
          note = text;
        },
      });
      end();
      return result;
    } catch (error) {
      status = "failed";
      end();
      throw error;
    }
  }

  /** Reports something the user should know that does not stop the work. */
  finding(level: FindingLevel, message: string): void {
    this.#emit({ type: "finding", level, message });
  }

  #emit(event: OperationEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}
