import { repositoryUrl } from '../github/scope.ts';
import { cronTimes } from '../job/schedule/cron.ts';
import { parseTickId, schedulePath } from '../job/tick-id.ts';
import type { ScheduleStatus } from '../messages/views.ts';
import { issueKey } from '../report/say-schedule.ts';
import { type Health, parseHealth } from '../schedule/health.ts';
import { getPublished } from '../store/published.ts';
import { listSchedules } from '../store/schedules.ts';
import { scheduleOf } from './schedule-row.ts';
import type { WorkContext } from './work.ts';

/** The schedules in force, as `/status` lists them. */
export async function scheduleStatuses(c: WorkContext): Promise<ScheduleStatus[]> {
  const rows = (await listSchedules(c.store.db, c.repo.id)).filter(({ state }) => state === 'active');
  return Promise.all(
    rows.map(async (row): Promise<ScheduleStatus> => {
      const { title, cron, time_zone: timeZone, paused } = scheduleOf(row).schedule;
      const health = parseHealth(row.health);
      const issue = (await getPublished(c.store.db, issueKey(c.repo.id, row.name)))?.github_id ?? 0;
      const path = issue > 0 ? `issues/${issue}` : `blob/${c.repo.default_branch}/${schedulePath(row.name)}`;
      return {
        name: row.name,
        ...(title ? { title } : {}),
        url: `${repositoryUrl(c)}/${path}`,
        cron,
        timeZone,
        result: resultOf(health),
        since: health.since,
        last: (health.last && parseTickId(health.last)?.at) || null,
        next: paused ? 'paused' : cronTimes(cron, timeZone).next(c.now()),
      };
    }),
  );
}

function resultOf({ missing, flapping, result }: Health): ScheduleStatus['result'] {
  if (missing) return 'missing';
  return flapping ? 'flapping' : result;
}
