/** A schedule is called so, and its file `jobs/schedules/<name>.json`. */
export const SCHEDULE_NAME = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;
export const SCHEDULE_NAME_MAX = 50;

/** `<name>@<UTC minute>`, such as `hello-ready@20261122T2200Z`: the one run of one tick. */
const TICK_ID = /^([a-z0-9]+(?:-[a-z0-9]+)*)@(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)Z$/;

export interface Tick {
  /** Of the schedule. */
  name: string;
  /** Ms since the epoch, a whole minute. */
  at: number;
}

/** `at`: ms since the epoch; what is beyond its minute is dropped. */
export function tickId({ name, at }: Tick): string {
  return `${name}@${utcMinute(at)}`;
}

/** `20261122T2200Z`, ISO 8601 in its basic form: it can stand in a path and in a key. */
export function utcMinute(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace(/[-:]/g, '')}Z`;
}

/** null: it is no tick's id. */
export function parseTickId(id: string): Tick | null {
  const [, name, year, month, day, hour, minute] = TICK_ID.exec(id) ?? [];
  if (name === undefined || name.length > SCHEDULE_NAME_MAX) return null;
  const at = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:00Z`);
  return Number.isNaN(at) || tickId({ name, at }) !== id ? null : { name, at };
}

export function schedulePath(name: string): string {
  return `jobs/schedules/${name}.json`;
}

/** The file that people approved for a job: its own in the queue, or that of the schedule whose tick it is. */
export function approvedPath(jobId: string): string {
  const tick = parseTickId(jobId);
  return tick ? schedulePath(tick.name) : `jobs/queue/${jobId}.json`;
}
