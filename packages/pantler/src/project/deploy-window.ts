/** Hours in which deployments may run. */
export interface DeployWindow {
  /** As the config says it. */
  readonly text: string;
  /** The days on which it opens, 0 for Sunday; every day when undefined. */
  readonly days: ReadonlySet<number> | undefined;
  /** When it opens and closes, in minutes since midnight; one that closes earlier than it opens ends the next day. */
  readonly opens: number;
  readonly closes: number;
  /** An IANA time zone. */
  readonly timeZone: string;
}

const dayNames = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const form = /^(?:((?:[a-z]{3})(?:,[a-z]{3})*) )?(\d\d):(\d\d)-(\d\d):(\d\d)(?: ([\w/+-]+))?$/i;

/**
 * Reads a window such as `02:00-05:00`, in UTC, or `sat,sun 22:00-05:00 Europe/Berlin`.
 * @returns undefined when it is none
 */
export function parseDeployWindow(text: string): DeployWindow | undefined {
  const [, named, ...rest] = form.exec(text) ?? [];
  const [openHour, openMinute, closeHour, closeMinute] = rest.slice(0, 4).map(Number);
  const opens = minutesOf(openHour, openMinute);
  const closes = minutesOf(closeHour, closeMinute);
  if (opens === undefined || closes === undefined || opens === closes) return undefined;
  const days = named?.split(",").map((day) => dayNames.indexOf(day.toLowerCase()));
  const timeZone = rest[4] ?? "UTC";
  if (days?.includes(-1) || !isTimeZone(timeZone)) return undefined;
  return { text, days: days && new Set(days), opens, closes, timeZone };
}

/** Whether a moment lies inside a window. The hours after midnight belong to the day on which it opened. */
export function isInWindow({ days, opens, closes, timeZone }: DeployWindow, moment: Date): boolean {
  const { day, minutes } = clockIn(timeZone, moment);
  const opened = (each: number) => days === undefined || days.has(each);
  if (opens < closes) return opened(day) && minutes >= opens && minutes < closes;
  return (minutes >= opens && opened(day)) || (minutes < closes && opened((day + 6) % 7));
}

function clockIn(timeZone: string, moment: Date): { readonly day: number; readonly minutes: number } {
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone,
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  }).formatToParts(moment);
  const part = (type: Intl.DateTimeFormatPartTypes) =>
    parts.find((each) => each.type === type)?.value.toLowerCase() ?? "";
  return {
    day: dayNames.indexOf(part("weekday")),
    minutes: Number(part("hour")) * 60 + Number(part("minute")),
  };
}

function minutesOf(hour: number | undefined, minute: number | undefined): number | undefined {
  if (hour === undefined || minute === undefined || hour > 23 || minute > 59) return undefined;
  return hour * 60 + minute;
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en-US", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
