import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseStorePlace } from '../src/config.ts';
import { parseJob } from '../src/job/parse-job.ts';
import { parseSettings } from '../src/job/settings.ts';
import { OLDEST_VERSION } from '../src/store/postgres.ts';

const root = fileURLToPath(new URL('../', import.meta.url));
const read = (path: string) => readFileSync(`${root}${path}`, 'utf8');
const packageJson = JSON.parse(read('package.json')) as {
  scripts: Record<string, string>;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
};

/** Fenced blocks of a language, wherever they stand. */
function blocks(text: string, language: string): string[] {
  return [...text.matchAll(new RegExp(`^( *)\`\`\`${language}\\n([\\s\\S]*?)^\\1\`\`\``, 'gm'))].map(
    (match) => match[2] ?? '',
  );
}

describe.each(['README.md', 'README.ja.md'])('%s', (file) => {
  const text = read(file);

  it('starts with the picture and the two commands', () => {
    const first = text.split('\n').slice(0, 36).join('\n');
    expect(first).toContain('```mermaid');
    expect(first).toContain('npm ci && npm run demo');
    expect(first).toContain('npm ci && npm test');
  });

  it('goes live in under ten steps', () => {
    const steps = text.match(/^\d+\. /gm) ?? [];
    expect(steps.length).toBeGreaterThan(4);
    expect(steps.length).toBeLessThan(10);
  });

  it('names only scripts that exist', () => {
    const named = [...text.matchAll(/npm run ([a-z]+)/g)].map((match) => match[1] ?? '');
    expect(named.filter((name) => !(name in packageJson.scripts))).toEqual([]);
  });

  it('names only files that exist', () => {
    const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map((match) => match[1] ?? '');
    expect(links.filter((path) => !existsSync(`${root}${path}`))).toEqual([]);
    const copied = [...text.matchAll(/\bcp (deploy\/\S+)/g)].map((match) => match[1] ?? '');
    expect(copied.filter((path) => !existsSync(`${root}${path}`))).toEqual([]);
  });

  it('shows a job that is valid and settings that parse', () => {
    const [job = ''] = blocks(text, 'json');
    expect(parseJob(job, { path: 'jobs/queue/2026-11-22-001.json' })).toMatchObject({ ok: true });
    const [settings = ''] = blocks(text, 'yaml');
    expect(parseSettings(settings.replace(/^ {3}/gm, ''))).toMatchObject({ ok: true });
  });

  it('sets only variables that .env.example knows', () => {
    const known = read('.env.example');
    const named = [...text.matchAll(/\b((?:GURUGURU|OPENAI|WEBHOOK|GITHUB|DATABASE)_[A-Z_]+)\b/g)].map(
      (match) => match[1] ?? '',
    );
    expect(
      [...new Set(named)].filter((name) => !known.includes(`${name}=`) && name !== 'GURUGURU_REPORT'),
    ).toEqual([]);
  });

  it('shows a DATABASE_URL that is taken', () => {
    const shown = /^DATABASE_URL=(\S+)$/m.exec(text)?.[1] ?? '';
    const url = shown.replace('<password>', 'p%40ss');
    expect(parseStorePlace({ DATABASE_URL: url }).databaseUrl).toBe(url);
    expect(text).toContain(`${OLDEST_VERSION} `);
    expect(read('.env.example')).toContain(`Postgres ${OLDEST_VERSION} or newer`);
  });

  it('lists every setting of the repository', () => {
    const table = text.slice(text.indexOf('.github/guruguru.yml`', text.indexOf('`time_zone`') - 600));
    for (const name of [
      'language',
      'time_zone',
      'trigger',
      'context.files',
      'defaults.workdir',
      'gate.fenced',
      'gate.report_on_every_pr',
      'dispatch',
      'reports.branch',
      'limits.max_timeout_minutes',
    ]) {
      expect(table).toContain(`\`${name}\``);
    }
  });

  it('names only commands that the command line has', () => {
    const help = execFileSync(process.execPath, [`${root}src/cli.ts`, '--help'], { encoding: 'utf8' });
    const named = [...text.matchAll(/(?:npx guruguru|guruguru\.js) ([a-z]+)/g)].map(
      (match) => match[1] ?? '',
    );
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((name) => !new RegExp(`^ {2}${name}\\b`, 'm').test(help))).toEqual([]);
  });
});

describe('the two READMEs', () => {
  it('say the same: equal commands, code and tables', () => {
    const code = (file: string) => blocks(read(file), '(?:sh|json|yaml)');
    expect(code('README.ja.md')).toEqual(code('README.md'));
    const headings = (file: string) => (read(file).match(/^#+ /gm) ?? []).join('');
    expect(headings('README.ja.md')).toBe(headings('README.md'));
    const rows = (file: string) => (read(file).match(/^\|/gm) ?? []).length;
    expect(rows('README.ja.md')).toBe(rows('README.md'));
  });
});

describe('docs/dependencies.md', () => {
  it('gives a reason for every dependency and for nothing else', () => {
    const listed = [...read('docs/dependencies.md').matchAll(/^\| `([^`]+)` \| \S/gm)]
      .map((match) => match[1] ?? '')
      .sort();
    const used = [
      ...Object.keys(packageJson.dependencies),
      ...Object.keys(packageJson.devDependencies),
    ].sort();
    expect(listed).toEqual(used);
  });

  it('and every version is exact', () => {
    const versions = Object.entries({ ...packageJson.dependencies, ...packageJson.devDependencies });
    expect(versions.filter(([, version]) => !/^\d/.test(version))).toEqual([]);
  });
});
