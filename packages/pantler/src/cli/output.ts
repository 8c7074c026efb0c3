import pc from "picocolors";
import type { Listener, OperationEvent, PantlerError } from "../operation/index.js";
import { grouped, timeInWords } from "../operation/index.js";
import { size } from "./quantities.js";

/** How a command talks: its answer goes to stdout, the talk to stderr. */
export interface Output {
  readonly json: boolean;
  readonly listener: Listener;
  /** Ends the command with its answer: the fields as the last JSON line, or the text. */
  readonly result: (fields: Record<string, unknown>, text: () => string) => void;
  readonly failure: (error: PantlerError) => void;
}

export interface Paint {
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly warning: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly bold: (text: string) => string;
}

/** Colours for a stream, or none: where it is no terminal, with NO_COLOR and with --no-color. */
export function paintFor(stream: NodeJS.WriteStream, wanted: boolean): Paint {
  // Undefined would leave the choice to the library, which colours whatever runs in CI.
  const colors = pc.createColors(wanted && stream.isTTY === true && !process.env.NO_COLOR);
  return {
    good: colors.green,
    bad: colors.red,
    warning: colors.yellow,
    dim: colors.dim,
    bold: colors.bold,
  };
}

/** A migration as its file is called; an old ledger may know its version only. */
export function migrationTitle({
  version,
  name,
}: {
  readonly version: string;
  readonly name: string;
}): string {
  return name === "" ? version : `${version}_${name}`;
}

export function createOutput(options: { json: boolean; color: boolean; verbose: boolean }): Output {
  return options.json ? jsonOutput() : textOutput(options);
}

function jsonOutput(): Output {
  const write = (line: Record<string, unknown>) => process.stdout.write(`${JSON.stringify(line)}\n`);
  return {
    json: true,
    listener: (event) => write({ ...event }),
    result: (fields) => write({ type: "result", ok: true, ...fields }),
    failure: ({ code, message, state, remedy, detail, sqlstate, exit }) =>
      write({ type: "result", ok: false, exit, error: { code, message, state, remedy, detail, sqlstate } }),
  };
}

function textOutput({ color, verbose }: { color: boolean; verbose: boolean }): Output {
  const paint = paintFor(process.stderr, color);
  return {
    json: false,
    listener: process.stderr.isTTY ? liveListener(paint) : (event) => writeEvent(event, paint),
    result: (_fields, text) => process.stdout.write(`${text()}\n`),
    failure: (error) => {
      const lines = [`${paint.bad("✗")} ${paint.bold(error.message)}`];
      if (error.detail) lines.push(indent(error.detail));
      lines.push(`  ${error.state}`, `  ${paint.warning("→")} ${error.remedy}`);
      if (verbose && error.stack) lines.push(paint.dim(indent(error.stack)));
      if (verbose && error.cause instanceof Error && error.cause.stack) {
        lines.push(paint.dim(indent(`caused by ${error.cause.stack}`)));
      }
      process.stderr.write(`${lines.join("\n")}\n`);
    },
  };
}

function writeEvent(event: OperationEvent, paint: Paint): void {
  const line = describeEvent(event, paint);
  if (line !== undefined) process.stderr.write(`${line}\n`);
}

function describeEvent(event: OperationEvent, paint: Paint): string | undefined {
  switch (event.type) {
    case "step-started":
    case "step-progress":
      return undefined;
    case "step-ended": {
      const mark = { done: paint.good("✓"), skipped: paint.dim("-"), failed: paint.bad("✗") }[event.status];
      const note = event.note ? ` ${paint.dim(`· ${event.note}`)}` : "";
      return `${mark} ${event.title}${note} ${paint.dim(`· ${timeInWords(event.milliseconds)}`)}`;
    }
    case "finding": {
      const mark = { info: paint.dim("i"), warning: paint.warning("!"), error: paint.bad("✗") }[event.level];
      return `${mark} ${event.message}`;
    }
  }
}

const spinner = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/** Shows the running step on one line that is rewritten, and leaves a line for each that ended. */
function liveListener(paint: Paint): Listener {
  const clear = "\r\u001b[2K";
  let current: { readonly title: string; readonly started: number } | undefined;
  let progress = "";
  let timer: NodeJS.Timeout | undefined;
  const draw = () => {
    if (!current) return;
    const elapsed = performance.now() - current.started;
    const turn = spinner[Math.floor(elapsed / 80) % spinner.length];
    const line = `${turn} ${current.title}${progress} · ${timeInWords(elapsed)}`;
    process.stderr.write(`${clear}${line.slice(0, (process.stderr.columns || 80) - 1)}`);
  };
  return (event) => {
    if (event.type === "step-started") {
      current = { title: event.title, started: performance.now() };
      progress = "";
      timer ??= setInterval(draw, 80).unref();
      draw();
    } else if (event.type === "step-progress") {
      progress = ` · ${describeProgress(event)}`;
    } else {
      const line = describeEvent(event, paint);
      if (line !== undefined) process.stderr.write(`${clear}${line}\n`);
      if (event.type === "step-ended") {
        current = undefined;
        clearInterval(timer);
        timer = undefined;
      }
    }
  };
}

/** How far a step is. Its note begins with what is counted; bytes are told as a person reads them. */
function describeProgress({ done, total, note }: { done: number; total: number; note: string }): string {
  const [what, ...rest] = note.split(", ");
  if (what !== "bytes") return `${grouped(done)} of ${grouped(total)} ${note}`;
  return [`${size(done)} of ${size(total)}`, ...rest].join(", ");
}

function indent(text: string): string {
  return text
    .split("\n")
    .map((line) => `  ${line}`)
    .join("\n");
}
