import { vi } from 'vitest';
import { startTestApp, type TestApp, type TestAppOptions, WORKDIR } from './app.ts';

/** A schedule file as a person would write it: every morning at seven in Tokyo. */
export function scheduleFile(name: string, changes: object = {}, job: object = {}): string {
  const schedule = {
    name,
    title: `READY of ${name}`,
    cron: '0 7 * * *',
    time_zone: 'Asia/Tokyo',
    ...changes,
    job: {
      kind: 'run_shell',
      workdir: WORKDIR,
      script: ['echo ready'],
      dod: 'stdout.contains("ready")',
      ...job,
    },
  };
  return `${JSON.stringify(schedule, null, 2)}\n`;
}

export const schedulePath = (name: string) => `jobs/schedules/${name}.json`;

/** An app whose clock a test sets. Its start: `at`. */
export interface ClockedApp extends TestApp {
  /** Sets the clock, which then stands, and lets all that is due be done. */
  at(time: string): Promise<void>;
  /** The same clock a moment before the app is started again. */
  set(time: string): void;
  /** A schedule brought by an approved PR. Resolves to the PR's number. */
  approved(name: string, text?: string): Promise<number>;
}

export async function startClockedApp(time: string, options: TestAppOptions = {}): Promise<ClockedApp> {
  const set = (to: string) => {
    vi.setSystemTime(to);
  };
  set(time);
  const t = await startTestApp(options);
  let pulls = 0;
  return {
    ...t,
    set,
    async at(to) {
      set(to);
      t.app().worker()?.wake();
      await t.settle();
    },
    async approved(name, text = scheduleFile(name)) {
      pulls += 1;
      const pull = await t.github
        .as('writer')
        .openPull({ head: `schedule-${pulls}`, files: { [schedulePath(name)]: text } });
      await t.settle();
      await t.github.as('octo').review(pull.number, { event: 'APPROVE' });
      await t.settle();
      return pull.number;
    },
    async close() {
      await t.close();
      vi.useRealTimers();
    },
  };
}
