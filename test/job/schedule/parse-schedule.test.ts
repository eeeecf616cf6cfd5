import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { scheduleJsonSchemaText } from '../../../src/job/json-schema.ts';
import { parseJob } from '../../../src/job/parse-job.ts';
import { parseSchedule, schedulePolicyFindings } from '../../../src/job/schedule/parse-schedule.ts';
import { tickJobText } from '../../../src/job/schedule/tick-job.ts';
import { DEFAULT_SETTINGS } from '../../../src/job/settings.ts';

const path = 'jobs/schedules/hello-ready.json';
const AT = Date.UTC(2026, 10, 22, 22, 0);

const file = {
  name: 'hello-ready',
  title: 'READY of hello',
  cron: '0 7 * * *',
  time_zone: 'Asia/Tokyo',
  job: {
    kind: 'run_shell',
    workdir: '/workspace/hello',
    script: ['kubectl get ksvc hello -o json > "$GURUGURU_REPORT"'],
    dod: 'exit_code == 0',
  },
};

/** The file with one field of it, or of its job, changed; `undefined` leaves a field out. */
const text = (changes: object = {}, job: object = {}) =>
  JSON.stringify({ ...file, ...changes, job: { ...file.job, ...job } }, null, 2);

function found(changes: object, job: object = {}) {
  const parsed = parseSchedule(text(changes, job), { path });
  return parsed.ok
    ? []
    : parsed.findings.map(({ rule, line, field, message }) => `${line} ${rule} ${field}: ${message}`);
}

describe('a schedule file', () => {
  it('is valid with what it needs, and the rest has defaults', () => {
    const parsed = parseSchedule(text(), { path });
    expect(parsed).toMatchObject({
      ok: true,
      schedule: { overlap: 'skip', catch_up: 'one', paused: false },
      job: { kind: 'run_shell', title: 'READY of hello', timeout_minutes: 30 },
    });
  });

  it.each<[string, object, object, RegExp]>([
    [
      'no name',
      { name: undefined },
      {},
      /^1 schedule\/missing-field name: `name` is missing: use at most 50/,
    ],
    ['another name', { name: 'other' }, {}, /^2 schedule\/file-name name: .*"hello-ready.json"/],
    ['a name in capitals', { name: 'Hello' }, {}, /^2 schedule\/field name: `name` is "Hello": use/],
    ['four fields', { cron: '0 7 * *' }, {}, /^4 schedule\/cron cron: .*it has 4 fields; use five/],
    ['a wrong minute', { cron: '61 7 * * *' }, {}, /Invalid value for minute: 61/],
    ['a day that never comes', { cron: '0 0 30 2 *' }, {}, /that time never comes/],
    ['a time of its own making', { cron: '? 7 * * *' }, {}, /a character that cron does not know/],
    ['an unknown time zone', { time_zone: 'Tokyo' }, {}, /^5 schedule\/field time_zone: .*use an IANA/],
    ['another overlap', { overlap: 'queue' }, {}, /`overlap` is "queue": use "skip"/],
    ['an unknown field', { crom: 1 }, {}, /`crom` is not a known field: did you mean `cron`/],
    ['a title of two lines', { title: 'a\nb' }, {}, /^3 job\/title|^3 schedule\/title title: /],
    ['an id of its own', {}, { id: 'x' }, /^13 schedule\/tick-field job.id: .*given to every tick/],
    [
      'a wrong field of the job',
      {},
      { timeout_minutes: 0 },
      /^13 job\/field job.timeout_minutes: `job.timeout_minutes` is 0/,
    ],
    [
      'a wrong line',
      {},
      { script: ['ls', ' '] },
      /^11 job\/script job.script\[1\]: `job.script\[1\]` is blank/,
    ],
    ['no workdir', {}, { workdir: undefined }, /^6 job\/missing-field job.workdir: `job.workdir` is missing/],
    [
      'an unknown field of the job',
      {},
      { skript: [] },
      /^13 job\/unknown-field job.skript: .*did you mean `script`/,
    ],
  ])('refuses %s at its line', (_, changes, job, message) => {
    expect(found(changes, job).join('\n')).toMatch(message);
  });

  it('refuses what is no JSON object, and keys that are there twice', () => {
    const of = (content: string) => {
      const parsed = parseSchedule(content, { path });
      return parsed.ok ? [] : parsed.findings.map(({ rule, line }) => `${line} ${rule}`);
    };
    expect(of('{ "name": "hello-ready", "job": [] }')).toContain('1 schedule/field');
    expect(of('[]')).toEqual(['1 schedule/json']);
    expect(of('{')).toEqual(['1 schedule/json']);
    expect(of(text().replace('"title"', '"cron": "1 1 1 1 1",\n  "title"'))).toContain(
      '5 schedule/duplicate-key',
    );
    expect(of(text().replace('"kind"', '"dod": "true",\n    "kind"'))).toContain('13 schedule/duplicate-key');
  });

  it('says what the policy has against a line of the template', () => {
    const parsed = parseSchedule(text({}, { script: ['ls', 'sudo rm -rf /'] }), { path });
    if (!parsed.ok) throw new Error('not valid');
    const findings = schedulePolicyFindings(parsed, path, DEFAULT_SETTINGS);
    expect(findings).toMatchObject([
      { rule: 'policy/sudo', severity: 'warning', path, line: 11 },
      { rule: 'policy/remove-root', severity: 'failure', path, line: 11, field: 'job.script[1]' },
    ]);
    expect(findings[1]?.message).toMatch(/^`job.script\[1\]` removes/);
  });
});

describe('the job of a tick', () => {
  const parsed = parseSchedule(text(), { path });
  if (!parsed.ok) throw new Error('not valid');
  const job = tickJobText(parsed.schedule, AT);

  it('is a job with an id, a title and a report of its own, the same every time', () => {
    expect(job).toBe(tickJobText(JSON.parse(text()), AT));
    expect(parseJob(job, { path })).toMatchObject({
      ok: true,
      job: {
        ...file.job,
        id: 'hello-ready@20261122T2200Z',
        title: 'READY of hello',
        report_path: 'reports/schedules/hello-ready/2026-11-23/20261122T2200Z.out',
      },
    });
  });

  it('is no job anywhere else: nobody puts one into the queue', () => {
    const parsedThere = parseJob(job, { path: 'jobs/queue/hello-ready@20261122T2200Z.json' });
    expect(parsedThere).toMatchObject({ ok: false, findings: [{ field: 'id' }] });
  });
});

describe('what is shown', () => {
  const read = (file: string) => readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8');
  it.each([
    ['the example', read('jobs/examples/schedules/hello-ready.json')],
    ['the one in docs/schedules.md', /```json\n([\s\S]*?)```/.exec(read('docs/schedules.md'))?.[1] ?? ''],
  ])('%s is a schedule that the policy has nothing to say about', (_, shown) => {
    const parsed = parseSchedule(shown, { path });
    expect(parsed).toMatchObject({ ok: true });
    if (parsed.ok) expect(schedulePolicyFindings(parsed, path, DEFAULT_SETTINGS)).toEqual([]);
  });

  it('jobs/schedule.schema.json is what `npm run schema` writes', () => {
    expect(read('jobs/schedule.schema.json')).toBe(scheduleJsonSchemaText());
  });
});
