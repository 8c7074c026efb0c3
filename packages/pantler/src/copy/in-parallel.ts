/**
 * Works through tasks with several connections: each takes the next task when it is done with one. After a failure no
 * new task is begun, those that run are stopped, and once they have ended the failure is thrown.
 * @param tasks in the order in which they are begun; put the longest first
 * @param stop makes the task fail that a connection is at
 */
export async function inParallel<Worker, Task>(
  workers: readonly Worker[],
  tasks: readonly Task[],
  work: (worker: Worker, task: Task) => Promise<void>,
  stop: (worker: Worker) => Promise<void>,
): Promise<void> {
  if (workers.length === 0 && tasks.length > 0) throw new Error("there is nobody to do the work");
  const remaining = tasks.values();
  const failures: unknown[] = [];
  await Promise.all(
    workers.map(async (worker) => {
      for (const task of remaining) {
        if (failures.length > 0) return;
        try {
          await work(worker, task);
        } catch (error) {
          failures.push(error);
          if (failures.length > 1) return;
          const others = workers.filter((other) => other !== worker);
          // Where stopping fails, the task ends by itself; the first failure is what there is to tell.
          await Promise.allSettled(others.map(async (other) => await stop(other)));
          return;
        }
      }
    }),
  );
  if (failures.length > 0) throw failures[0];
}
