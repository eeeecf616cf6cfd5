/** `2025-11-22 12:04 (Asia/Tokyo)`; UTC without brackets. The same words in every language. */
export function formatTime(ms: number, timeZone: string): string {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).formatToParts(ms);
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.find((one) => one.type === type)?.value ?? '';
  const time = `${part('year')}-${part('month')}-${part('day')} ${part('hour')}:${part('minute')}`;
  return timeZone === 'UTC' ? `${time} UTC` : `${time} (${timeZone})`;
}

/** Hours, minutes and seconds of a duration, the largest two that matter. Under ten seconds with one decimal. */
export function splitDuration(seconds: number): { hours: number; minutes: number; seconds: string } {
  const whole = Math.max(0, Math.round(seconds));
  const short = Math.max(0, seconds) < 9.95;
  return {
    hours: Math.floor(whole / 3600),
    minutes: Math.floor((whole % 3600) / 60),
    seconds: short ? String(Math.round(Math.max(0, seconds) * 10) / 10) : String(whole % 60),
  };
}

/** `12,345`. */
export function formatCount(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** The first 7 characters of a SHA, as GitHub shows it. */
export function shortSha(sha: string): string {
  return sha.slice(0, 7);
}
