import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ParseJobOptions, parseJob } from '../../src/job/parse-job.ts';
import { MINIMAL, MINIMAL_PATH, MINIMAL_TEXT } from './minimal-job.ts';

function parse(file: unknown, options: Partial<ParseJobOptions> = {}) {
  const raw = typeof file === 'string' || file instanceof Uint8Array;
  return parseJob(raw ? file : JSON.stringify(file, null, 2), { path: MINIMAL_PATH, ...options });
}

/** `line:column field rule` of each finding. */
function places(file: unknown, options: Partial<ParseJobOptions> = {}): string[] {
  const parsed = parse(file, options);
  if (parsed.ok) return ['valid'];
  return parsed.findings.map((f) => `${f.line}:${f.column} ${f.field ?? '-'} ${f.rule}`);
}

function messages(file: unknown, options: Partial<ParseJobOptions> = {}): string[] {
  const parsed = parse(file, options);
  return parsed.ok ? [] : parsed.findings.map(({ message }) => message);
}

describe('parseJob on a valid file', () => {
  it('takes the minimal job unchanged, with its defaults', () => {
    const parsed = parse(MINIMAL_TEXT);
    expect(parsed).toEqual({
      ok: true,
      job: { ...MINIMAL, script: [...MINIMAL.script], timeout_minutes: 30, idempotent: false },
      digest: `sha256:${createHash('sha256').update(MINIMAL_TEXT).digest('hex')}`,
      text: MINIMAL_TEXT,
    });
  });

  it('gives bytes and text one digest, and another one to one more space', () => {
    const digest = (file: Uint8Array | string) => {
      const parsed = parse(file);
      return parsed.ok ? parsed.digest : null;
    };
    expect(digest(Buffer.from(MINIMAL_TEXT))).toBe(digest(MINIMAL_TEXT));
    expect(digest(`${MINIMAL_TEXT} `)).not.toBe(digest(MINIMAL_TEXT));
  });

  it('takes every optional field', () => {
    const full = {
      ...MINIMAL,
      title: '家族 👩‍💻 のための点検',
      why: ['the newest state', 'the smoke test'],
      serves: ['STATE.md@0123456'],
      runs_on: ['mac', 'devbox'],
      requires: ['kubectl'],
      touches: ['gke'],
      effect: 'read',
      timeout_minutes: 720,
      env: { LOG_LEVEL: 'debug', EMPTY: '' },
      secrets: ['API_TOKEN'],
      network: 'on',
      concurrency: 'cluster',
      idempotent: true,
      undo: ['git reset --hard ORIG_HEAD'],
      asked: { thread: 7, comment: 'c99', login: 'mona', commit: 'a'.repeat(40) },
    };
    expect(parse(full)).toMatchObject({ ok: true, job: full });
  });

  it('fills defaults into what the text leaves out and never over it', () => {
    const { workdir: _w, dod: _d, ...brief } = MINIMAL;
    const defaults = {
      workdir: '/w',
      dod: 'true',
      timeout_minutes: 5,
      runs_on: ['a'],
      report_path: 'reports/x.out',
    };
    const job = {
      workdir: '/w',
      dod: 'true',
      timeout_minutes: 5,
      runs_on: ['a'],
      report_path: MINIMAL.report_path,
    };
    expect(parse(brief, { defaults })).toMatchObject({ ok: true, job });
    expect(parse(brief)).toMatchObject({ ok: false });
  });
});

describe('parseJob on bytes that are no job', () => {
  it.each([
    ['a byte order mark', Buffer.from(`\ufeff${MINIMAL_TEXT}`), '1:1 - job/encoding'],
    ['UTF-16', Buffer.from(`\ufeff${MINIMAL_TEXT}`, 'utf16le'), '1:1 - job/encoding'],
    [
      'a byte that is not UTF-8',
      Buffer.concat([Buffer.from('{\n\n"a": "'), Buffer.of(0xe3, 0x22)]),
      '3:1 - job/encoding',
    ],
    ['half a character in a string', '{"a": "\ud800"}', '1:1 - job/encoding'],
    ['1 MB', Buffer.alloc(1_000_000, ' '), '1:1 - job/size'],
    ['nothing', '', '1:1 - job/json'],
    ['a list', ' [1]', '1:2 - job/json'],
    ['prose', 'run the tests', '1:1 - job/json'],
    ['a comment', '{\n  "id": 1 // one\n}', '2:11 - job/json'],
    ['a comma too many', '{\n  "id": 1,\n}', '3:1 - job/json'],
    ['a file cut short', '{\n  "id": "2025-', '2:9 - job/json'],
    ['two objects', '{}\n{}', '2:1 - job/json'],
    ['200,000 open brackets', '['.repeat(200_000), '1:21 - job/json'],
  ])('refuses %s with one finding', (_name, file, place) => {
    expect(places(file)).toEqual([place]);
    expect(messages(file)[0]).toMatch(/: \S/);
  });

  it('takes 256 KiB and refuses one byte more', () => {
    const padded = (size: number) => MINIMAL_TEXT + ' '.repeat(size - MINIMAL_TEXT.length);
    expect(places(padded(256 * 1024))).toEqual(['valid']);
    expect(places(padded(256 * 1024 + 1))).toEqual(['1:1 - job/size']);
  });
});

describe('parseJob on fields', () => {
  const required = Object.keys(MINIMAL);

  it.each(required)('names a missing %s at the object', (field) => {
    const { [field]: _gone, ...rest } = MINIMAL as Record<string, unknown>;
    expect(places(rest)).toEqual([`1:1 ${field} job/missing-field`]);
    expect(messages(rest)[0]).toMatch(new RegExp(`^\`${field}\` is missing: (use|add) `));
  });

  it.each(required)('names a %s of the wrong type at its value', (field) => {
    const line = 2 + required.indexOf(field) + (required.indexOf(field) > 3 ? 3 : 0);
    expect(places({ ...MINIMAL, [field]: 7 })).toEqual([`${line}:${field.length + 7} ${field} job/field`]);
    expect(messages({ ...MINIMAL, [field]: 7 })[0]).toContain(`\`${field}\` is 7: use `);
  });

  it.each([
    ['timeout_minutes', 0, '`timeout_minutes` is 0: use 1 to 720'],
    ['timeout_minutes', 721, '`timeout_minutes` is 721: use 1 to 720'],
    ['timeout_minutes', 1.5, '`timeout_minutes` is 1.5: use 1 to 720'],
    ['timeout_minutes', '30', '`timeout_minutes` is "30": use 1 to 720'],
    ['network', 'none', '`network` is "none": use "on" or "off", or remove the field'],
    ['effect', 'destroy', '`effect` is "destroy": use "read" or "change"'],
    ['idempotent', 'yes', '`idempotent` is "yes": use true or false'],
    ['title', 'two\nlines', '`title` has a line break or an invisible character'],
    ['title', 'x'.repeat(121), '`title` has 121 characters: use one line of 1 to 120'],
    ['runs_on', ['a b'], '`runs_on[0]` is "a b": use 1-63 letters'],
    ['script', [], '`script` is an empty list: use a list of 1 to 500'],
    ['script', 'make', '`script` is "make": use a list of 1 to 500'],
    ['script', ['a', ''], '`script[1]` is empty: use a command line'],
    ['script', ['a', ' '], '`script[1]` is blank: remove the line'],
    ['script', ['a', 'b\0'], '`script[1]` has a NUL'],
    ['why', ['a', 'b', 'c'], '`why` has 3 entries for 2 script lines'],
    ['env', { '1A': 'x' }, '`env` has the name "1A": use a name'],
    ['env', { A: 1 }, '`env.A` is 1: use a text'],
    ['undo', {}, '`undo` is an object: use a text, or a list'],
    ['report_path', '../../etc/x', '`report_path` is "../../etc/x": `..` is not allowed; use a path such as'],
    ['workdir', '/w/..', '`workdir` is "/w/..": `..` is not allowed; use an absolute path'],
    ['dod', 'pytest passes', '`dod` is no usable CEL expression: unexpected p at character 8'],
    ['dod', 'exitcode == 0', '`exitcode` is not known; use exit_code'],
    ['id', '2025-02-30-001', '2025-02-30 is not a date'],
    ['id', '2025-11-22-1', '`id` is "2025-11-22-1": use the date and a number'],
  ])('says what is wrong with %s %j', (field, value, message) => {
    const said = messages({ ...MINIMAL, [field]: value }, { path: 'job.json' });
    expect(said).toHaveLength(1);
    expect(said[0]).toContain(message);
  });

  it('names every mistake, in the order of the file', () => {
    const file = { ...MINIMAL, id: 1, workdir: 'w', timeout_minutes: 0 };
    expect(places(file)).toEqual([
      '2:9 id job/field',
      '4:14 workdir job/workdir',
      '11:22 timeout_minutes job/field',
    ]);
  });

  it('refuses an unknown field where it is written, and guesses the one that was meant', () => {
    const file = { ...MINIMAL, timout_minutes: 5, asked: undefined };
    expect(places(file)).toEqual(['11:3 timout_minutes job/unknown-field']);
    expect(messages(file)[0]).toContain('did you mean `timeout_minutes`?');
    expect(messages({ ...MINIMAL, prompt: 'x' })[0]).toContain('remove it (known: id, kind, ');
  });

  it('refuses another kind with that one finding', () => {
    expect(messages({ id: '2025-11-22-001', kind: 'claude', prompt: 'mend it' })).toEqual([
      '`kind` is "claude": use "run_shell" or "codex"',
    ]);
  });

  it('finds duplicate keys at any depth, at the second one', () => {
    const file = MINIMAL_TEXT.replace(' }\n', ',\n "env": {"A": "1",\n "A": "2"},\n "dod": "true" }');
    expect(places(file)).toEqual(['5:2 A job/duplicate-key', '6:2 dod job/duplicate-key']);
  });

  it('refuses __proto__, which objects drop silently', () => {
    const file = MINIMAL_TEXT.replace(' }\n', ',\n "env": {"__proto__": "1"} }');
    expect(places(file)).toEqual(['4:10 __proto__ job/unknown-field']);
    const top = MINIMAL_TEXT.replace(' }\n', ',\n "__proto__": {"idempotent": true} }');
    expect(places(top)).toContain('4:2 __proto__ job/unknown-field');
  });

  it.each(['GURUGURU_REPORT', 'BASH_ENV', 'ENV', 'LD_PRELOAD', 'DYLD_INSERT_LIBRARIES', 'NODE_OPTIONS'])(
    'lets neither env nor secrets set %s',
    (name) => {
      expect(places({ ...MINIMAL, env: { [name]: 'x' } })).toEqual([expect.stringContaining('job/env')]);
      expect(places({ ...MINIMAL, secrets: [name] })).toEqual([expect.stringContaining('job/env')]);
    },
  );

  it('lets env set PATH, and refuses a name in both env and secrets', () => {
    expect(places({ ...MINIMAL, env: { PATH: '/bin' } })).toEqual(['valid']);
    expect(places({ ...MINIMAL, env: { A: 'x' }, secrets: ['A'] })).toEqual(['15:5 secrets[0] job/env']);
  });
});

describe('parseJob on paths', () => {
  it.each(['workspace', '../w', '/w/../etc', '/w/', '//w', '/w/./x', '/w\0', '/w\n', '/w\u202e', ''])(
    'refuses workdir %j',
    (workdir) => expect(places({ ...MINIMAL, workdir })).toEqual([expect.stringMatching(/^4:14 workdir /)]),
  );

  it.each(['/', '/w', '/Users/mona/my work', '/作業'])('takes workdir %j', (workdir) =>
    expect(places({ ...MINIMAL, workdir })).toEqual(['valid']),
  );

  it.each([
    '../../etc/x',
    'reports/../../etc/x.out',
    '/reports/a.out',
    './reports/a.out',
    'reports',
    'reports/.out',
    'reports/.git/a.out',
    'reports//a.out',
    'reports\\a.out',
    'reports/a.txt',
    'reports/loop.md',
    'reports/a\0.out',
    'Reports/a.out',
    'src/a.out',
  ])('refuses report_path %j', (report_path) =>
    expect(places({ ...MINIMAL, report_path })).toEqual(['10:18 report_path job/report-path']),
  );

  it('takes any other path below reports/', () => {
    expect(places({ ...MINIMAL, report_path: 'reports/nightly/2025/点検.out' })).toEqual(['valid']);
  });

  it('holds the name of a file below jobs/queue and jobs/done to its id, and no other', () => {
    const at = (path: string) => places(MINIMAL_TEXT, { path });
    expect(at('jobs/queue/2025-11-22-002.json')).toEqual(['1:9 id job/file-name']);
    expect(at('checkout/jobs/done/2025-11/x.json')).toEqual(['1:9 id job/file-name']);
    expect(at('jobs/done/2025-11/2025-11-22-001.json')).toEqual(['valid']);
    expect(at('brief.json')).toEqual(['valid']);
  });
});

describe('parseJob on any valid job', () => {
  it('reads what was written, however it was laid out, and writes nothing else', () => {
    const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9._-]{0,10}$/);
    const line = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((text) => {
      const alone = parseJob(JSON.stringify({ ...MINIMAL, title: text }), { path: MINIMAL_PATH });
      return alone.ok;
    });
    const optional = fc.record(
      {
        title: line,
        why: fc.array(line, { maxLength: MINIMAL.script.length }),
        runs_on: fc.uniqueArray(name, { maxLength: 3 }),
        touches: fc.uniqueArray(name, { maxLength: 3 }),
        effect: fc.constantFrom('read', 'change'),
        timeout_minutes: fc.integer({ min: 1, max: 720 }),
        idempotent: fc.boolean(),
        undo: line,
      },
      { requiredKeys: [] },
    );
    const layout = fc.constantFrom(undefined, 2, 4, '\t');
    fc.assert(
      fc.property(optional, layout, (fields, indent) => {
        const text = JSON.stringify({ ...MINIMAL, ...fields }, null, indent);
        const parsed = parseJob(text, { path: MINIMAL_PATH });
        if (!parsed.ok) throw new Error(parsed.findings[0]?.message);
        expect(parsed.job).toEqual({ timeout_minutes: 30, idempotent: false, ...MINIMAL, ...fields });
        const again = parseJob(JSON.stringify(parsed.job), { path: MINIMAL_PATH });
        expect(again).toMatchObject({ ok: true, job: parsed.job });
      }),
      { numRuns: 150 },
    );
  });
});

describe('parseJob on anything', () => {
  const check = (file: Uint8Array | string) => {
    const parsed = parseJob(file, { path: MINIMAL_PATH });
    if (parsed.ok) return;
    expect(parsed.findings.length).toBeGreaterThan(0);
    const lines = Buffer.from(file)
      .toString('utf8')
      // As GitHub counts: a lone CR ends no line.
      .split('\n');
    for (const { line, column, message } of parsed.findings) {
      expect(line).toBeGreaterThan(0);
      expect(line).toBeLessThanOrEqual(lines.length);
      expect(column).toBeGreaterThan(0);
      expect(column).toBeLessThanOrEqual((lines[line - 1]?.length ?? 0) + 1);
      expect(message.length).toBeLessThan(1000);
    }
  };

  /** Any UTF-16, halves of characters too. */
  const anyText = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString('utf16le'));

  it('never throws on bytes or text', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), check), { numRuns: 150 });
    fc.assert(fc.property(anyText, check), { numRuns: 150 });
  });

  it('never throws on JSON of any shape, also where a field is expected', () => {
    fc.assert(fc.property(fc.json(), check), { numRuns: 100 });
    const field = fc.constantFrom(
      ...Object.keys(MINIMAL),
      'why',
      'env',
      'secrets',
      'undo',
      'asked',
      'runs_on',
    );
    const job = fc
      .tuple(field, fc.jsonValue())
      .map(([name, value]) => JSON.stringify({ ...MINIMAL, [name]: value }));
    fc.assert(fc.property(job, check), { numRuns: 150 });
  });

  it('never throws on a job cut or damaged anywhere', () => {
    const place = fc.nat(MINIMAL_TEXT.length);
    const damaged = fc
      .tuple(place, place, fc.string({ maxLength: 5 }))
      .map(([from, to, text]) => MINIMAL_TEXT.slice(0, from) + text + MINIMAL_TEXT.slice(to));
    fc.assert(fc.property(damaged, check), { numRuns: 150 });
  });
});
