import { PantlerError } from "../../src/index.js";

/** Waits for work to fail on purpose, and returns the error; any other outcome fails the test. */
export async function failure(work: Promise<unknown>): Promise<PantlerError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof PantlerError) return error;
    throw error;
  }
  throw new Error("the work succeeded, but should have failed");
}
