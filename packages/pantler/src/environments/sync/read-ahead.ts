/** So many bytes wait for the one who takes them, over all tasks; the task that is being taken may add as many. */
const heldAtMost = 16 * 1024 * 1024;

interface Queue {
  readonly chunks: Buffer[];
  ended: boolean;
}

/** Pieces that several readers put aside, each task's for itself, for one who takes task after task. */
export class ReadAhead<Task> {
  readonly #queues = new Map<Task, Queue>();
  #current: Task | undefined;
  #held = 0;
  #failure: { readonly error: unknown } | undefined;
  readonly #waiting: (() => void)[] = [];

  /** Puts a piece aside, once there is room for it. */
  async put(task: Task, chunk: Buffer): Promise<void> {
    while (this.#held >= (task === this.#current ? 2 : 1) * heldAtMost) await this.#change();
    this.#requireSound();
    this.#queue(task).chunks.push(chunk);
    this.#held += chunk.length;
    this.#changed();
  }

  /** Says that a task has no more pieces. */
  end(task: Task): void {
    this.#queue(task).ended = true;
    this.#changed();
  }

  /** Ends everything that puts and takes with an error. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#changed();
  }

  /** The pieces of a task, as they come. */
  async *take(task: Task): AsyncGenerator<Buffer> {
    this.#current = task;
    this.#changed();
    const queue = this.#queue(task);
    for (;;) {
      this.#requireSound();
      const chunk = queue.chunks.shift();
      if (chunk) {
        this.#held -= chunk.length;
        this.#changed();
        yield chunk;
      } else if (queue.ended) return;
      else await this.#change();
    }
  }

  #queue(task: Task): Queue {
    const queue = this.#queues.get(task) ?? { chunks: [], ended: false };
    this.#queues.set(task, queue);
    return queue;
  }

  #requireSound(): void {
    if (this.#failure) throw this.#failure.error;
  }

  async #change(): Promise<void> {
    this.#requireSound();
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #changed(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
