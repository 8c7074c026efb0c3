/**
 * Runs work that acquires things, and releases them in reverse order whatever happens. Every release is awaited
 * and one that fails does not keep the others from running; the work's own error wins over a release's.
 * @param work receives `onRelease`, to be called right after each acquisition
 */
export async function withReleases<Result>(
  work: (onRelease: (release: () => Promise<void> | void) => void) => Promise<Result>,
): Promise<Result> {
  const releases: (() => Promise<void> | void)[] = [];
  let outcome: { readonly result: Result } | undefined;
  const failures: unknown[] = [];
  try {
    outcome = { result: await work((release) => releases.push(release)) };
  } catch (error) {
    failures.push(error);
  }
  for (const release of releases.reverse()) {
    try {
      await release();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0 || outcome === undefined) throw failures[0];
  return outcome.result;
}
