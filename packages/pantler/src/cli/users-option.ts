import { Option } from "commander";
import type { WhichUsers } from "../index.js";

/** The option that says whose users are meant. */
export function usersOption(description: string): Option {
  const choices: readonly WhichUsers[] = ["test", "all", "none"];
  return new Option("--users <which>", description).choices(choices).default("test");
}
