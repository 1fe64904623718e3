// Figures as people read them, the same on the command line and on the dashboard.

/** `42 s`, `12 min`, `3 h 5 min`, `4 d 2 h` */
export function formatDuration(seconds: number): string {
  const whole = Math.floor(seconds);
  const [minutes, hours, days] = [60, 3600, 86_400].map((unit) => Math.floor(whole / unit));
  if (days) return `${days} d ${(hours ?? 0) % 24} h`;
  if (hours) return `${hours} h ${(minutes ?? 0) % 60} min`;
  return minutes ? `${minutes} min` : `${whole} s`;
}

/** `81.5 MB`, in units of 1,000,000 bytes */
export function formatMemory(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** `just now`, `12 min ago` */
export function formatAgo(seconds: number): string {
  return seconds < 60 ? "just now" : `${formatDuration(seconds)} ago`;
}

/** `in 48 min`, `in less than 1 min` */
export function formatAhead(seconds: number): string {
  return seconds < 60 ? "in less than 1 min" : `in ${formatDuration(seconds)}`;
}

const timeFormat = new Intl.DateTimeFormat("en-GB", {
  dateStyle: "medium",
  timeStyle: "short",
  timeZone: "UTC",
});

/** `23 Nov 2026, 21:19 UTC` */
export function formatTime(time: Date): string {
  return `${timeFormat.format(time)} UTC`;
}

/** `0.4 %`, `12 %`: with a digit behind the point where it says something. */
export function formatPercent(percent: number): string {
  return `${formatShort(percent)} %`;
}

/** Of requests a minute: `0.4`, `12`, `1,234` */
export function formatRate(perMinute: number): string {
  return formatShort(perMinute);
}

/** `0.8 ms`, `12 ms`, `1.2 s` */
export function formatMilliseconds(milliseconds: number): string {
  if (milliseconds >= 1000) return `${formatShort(milliseconds / 1000)} s`;
  return `${formatShort(milliseconds)} ms`;
}

// Made once: to make one costs a hundred times as much as to use it.
const oneDigit = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 1 });
const noDigit = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });

function formatShort(value: number): string {
  const isSmall = value < 9.95 && value >= 0.05;
  return (isSmall ? oneDigit : noDigit).format(value);
}
