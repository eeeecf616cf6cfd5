/** What one installation asked of GitHub in an hour. */
export interface HourOfUse {
  /** null: what the app asks as itself, outside of any installation. */
  installation: number | null;
  requests: number;
  /** Answered 304, which costs nothing of the hour's requests. */
  unchanged: number;
  /** GitHub's limit of requests an hour, as its last answer says; null when it said none. */
  limit: number | null;
  /** GET 1, anything else 5, 304 included, since GitHub does not say that it is free here too. */
  points: number;
  /** Points of the minute that had most; GitHub allows 900. */
  busiestMinute: number;
}

export interface Usage {
  /** `limit`: the header `x-ratelimit-limit`. */
  note(installation: number | null, method: string, status: number, limit: string | number | undefined): void;
  /** What was noted since the last call, the busiest installation first. */
  take(): HourOfUse[];
}

const MINUTE_MS = 60_000;

/** Counts what goes out, for a line in the log every hour. */
export function createUsage(now: () => number): Usage {
  const hours = new Map<number | null, HourOfUse & { minute: number; minutePoints: number }>();
  return {
    note(installation, method, status, limit) {
      const minute = Math.floor(now() / MINUTE_MS);
      const hour = hours.get(installation) ?? {
        installation,
        requests: 0,
        unchanged: 0,
        limit: null,
        points: 0,
        busiestMinute: 0,
        minute,
        minutePoints: 0,
      };
      hours.set(installation, hour);
      const points = method === 'GET' ? 1 : 5;
      hour.requests += 1;
      if (status === 304) hour.unchanged += 1;
      if (limit !== undefined && Number(limit) > 0) hour.limit = Number(limit);
      hour.points += points;
      hour.minutePoints = hour.minute === minute ? hour.minutePoints + points : points;
      hour.minute = minute;
      hour.busiestMinute = Math.max(hour.busiestMinute, hour.minutePoints);
    },
    take() {
      const taken = [...hours.values()].sort((a, b) => b.requests - a.requests);
      hours.clear();
      return taken.map(({ minute: _, minutePoints: __, ...hour }) => hour);
    },
  };
}
