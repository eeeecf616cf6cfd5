import { Cron } from 'croner';

/** The times a cron expression names in a time zone. */
export interface CronTimes {
  /** The first one after `after` (ms since the epoch), a whole minute; null: none comes any more. */
  next(after: number): number | null;
}

/**
 * Where the clock is put forward, a fixed time that does not exist comes at the first minute that does; where
 * it is put back, it comes once, the first time. What repeats within the hour (`*`, lists, steps) goes on
 * through both, as in Vixie cron.
 * @throws what croner throws for an expression or a time zone that `cronProblem` refuses
 */
export function cronTimes(cron: string, timeZone: string): CronTimes {
  const times = new Cron(cron, { timezone: timeZone, mode: '5-part' });
  return {
    next(after) {
      const at = times.nextRun(new Date(after))?.getTime();
      return at === undefined || at <= after ? null : at;
    },
  };
}

/** null, or why this is no cron expression that a schedule takes. `after`: a time it must still come after. */
export function cronProblem(value: string, after: number): string | null {
  const use = 'use five fields (minute hour day month weekday), such as "0 7 * * *"';
  const wrong = (why: string) => `\`cron\` is ${JSON.stringify(value.slice(0, 80))}: ${why}; ${use}`;
  const fields = value.trim().split(/\s+/);
  if (fields.length !== 5) return wrong(`it has ${fields.length} field${fields.length === 1 ? '' : 's'}`);
  if (!/^[\dA-Za-z*,\-/#\s]+$/.test(value)) return wrong('it has a character that cron does not know');
  try {
    if (cronTimes(value, 'UTC').next(after) === null) return wrong('that time never comes');
    return null;
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^CronPattern: /, '') : String(error);
    return wrong(why.slice(0, 200).replace(/\.$/, ''));
  }
}
