import { describe, quote } from './describe-problem.ts';
import { checkDod } from './dod.ts';
import type { JsonPath } from './locate.ts';

/** A rule of a job file that a schema cannot say. */
export interface Broken {
  rule: string;
  path: JsonPath;
  message: string;
}

/** Control, format (zero-width, direction-changing) and line-separator characters: they hide what is meant. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;
/** As above without the joiners that emoji and some scripts need. */
const NOT_ONE_LINE = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u;
/** Names the runner sets itself, or that make bash, the loader or Node run something else first. */
const OWNED_NAME =
  /^(GURUGURU_.*|LD_.*|DYLD_.*|BASH_ENV|BASH_XTRACEFD|BASHOPTS|SHELLOPTS|ENV|PS4|NODE_OPTIONS)$/;

/**
 * Everything about a job that a schema cannot say. Each rule looks at one field and only if its type is
 * right, so that one mistake does not hide another.
 */
export function brokenRules(job: Readonly<Record<string, unknown>>): Broken[] {
  const broken: Broken[] = [];
  const check = (field: string, rule: string, problem: (value: string) => string | null) => {
    const value = job[field];
    const message = typeof value === 'string' && value !== '' ? problem(value) : null;
    if (message !== null) broken.push({ rule, path: [field], message });
  };
  check('id', 'id', idProblem);
  check('workdir', 'workdir', (value) => workdirProblem(value, 'workdir'));
  check('report_path', 'report-path', reportPathProblem);
  check('title', 'title', (value) =>
    NOT_ONE_LINE.test(value)
      ? '`title` has a line break or an invisible character: use one plain line'
      : null,
  );
  check('dod', 'dod', (value) => dodProblem(value, 'dod'));
  check('prompt', 'prompt', (value) =>
    value.includes('\0') || !value.isWellFormed() || value.trim() === ''
      ? '`prompt` is blank, or has a NUL or half a character: write the brief as plain text'
      : null,
  );
  if (job.sandbox === 'danger-full-access' && job.network === 'off') {
    const message = '`network` is "off", which danger-full-access does not keep: use workspace-write';
    broken.push({ rule: 'network', path: ['network'], message });
  }
  broken.push(...scriptProblems(job), ...environmentProblems(job));
  return broken;
}

/** null, or why this cannot be a workdir. Rule: design section 4, absolute and without `..`. */
export function workdirProblem(value: string, field: string): string | null {
  const use = 'use an absolute path such as "/workspace/app"';
  if (UNSEEN.test(value)) return `\`${field}\` has a control or invisible character: ${use}`;
  if (!value.startsWith('/')) return `\`${field}\` ${describe(value)}, which is not absolute: ${use}`;
  if (segments(value).includes('..')) return `\`${field}\` ${describe(value)}: \`..\` is not allowed; ${use}`;
  const normal = `/${segments(value)
    .filter((part) => part !== '' && part !== '.')
    .join('/')}`;
  return normal === value ? null : `\`${field}\` ${describe(value)}: write it as ${quote(normal)}`;
}

/** null, or the compile error as a message. */
export function dodProblem(value: string, field: string): string | null {
  const problem = checkDod(value);
  return problem === null ? null : `\`${field}\` is no usable CEL expression: ${problem}`;
}

function idProblem(value: string): string | null {
  const date = /^(\d{4})-(\d{2})-(\d{2})-\d{3,}$/.exec(value);
  if (date === null) return null; // the schema has said so
  const day = new Date(`${date[1]}-${date[2]}-${date[3]}T00:00:00Z`);
  const real = !Number.isNaN(day.getTime()) && day.toISOString().startsWith(value.slice(0, 10));
  return real ? null : `\`id\` is ${quote(value)}: ${value.slice(0, 10)} is not a date; use YYYY-MM-DD-NNN`;
}

function reportPathProblem(value: string): string | null {
  const use = 'use a path such as "reports/jobs/<id>.out"';
  const wrong = (why: string) => `\`report_path\` ${describe(value)}: ${why}; ${use}`;
  const parts = segments(value);
  if (UNSEEN.test(value)) return `\`report_path\` has a control or invisible character: ${use}`;
  if (value.includes('\\')) return wrong('a backslash is not allowed');
  if (value.startsWith('/')) return wrong('it must be relative to the repository');
  if (parts.includes('..')) return wrong('`..` is not allowed');
  if (parts[0] !== 'reports' || parts.length < 2) return wrong('it must be below reports/');
  if (parts.some((part) => part === '' || part.startsWith('.'))) {
    return wrong('no part may be empty or start with a dot');
  }
  if (value === 'reports/loop.md') return wrong('reports/loop.md belongs to guruguru');
  return value.endsWith('.out') ? null : wrong('it must end in .out');
}

function scriptProblems(job: Readonly<Record<string, unknown>>): Broken[] {
  const { script, why } = job;
  const lines: unknown[] = Array.isArray(script) ? script : [];
  const broken = lines.flatMap((line, index): Broken[] => {
    if (typeof line !== 'string') return [];
    const path = ['script', index];
    if (line.includes('\0') || !line.isWellFormed()) {
      const message = `\`script[${index}]\` has a NUL or half a character: bash cannot be given it; remove it`;
      return [{ rule: 'script', path, message }];
    }
    if (line !== '' && line.trim() === '') {
      return [{ rule: 'script', path, message: `\`script[${index}]\` is blank: remove the line` }];
    }
    return [];
  });
  if (Array.isArray(why) && Array.isArray(script) && why.length > script.length) {
    const message = `\`why\` has ${why.length} entries for ${script.length} script lines: at most one each`;
    broken.push({ rule: 'why', path: ['why', script.length], message });
  }
  return broken;
}

function environmentProblems(job: Readonly<Record<string, unknown>>): Broken[] {
  const { env, secrets } = job;
  const values = typeof env === 'object' && env !== null && !Array.isArray(env) ? Object.entries(env) : [];
  const names: unknown[] = Array.isArray(secrets) ? secrets : [];
  const owned = (name: string) => `\`${name}\` is set by the runner or changes how it runs: use another name`;
  return [
    ...values.flatMap(([name, value]): Broken[] => {
      const path = ['env', name];
      if (OWNED_NAME.test(name)) return [{ rule: 'env', path, message: owned(`env.${name}`) }];
      if (typeof value !== 'string' || !value.includes('\0')) return [];
      return [{ rule: 'env', path, message: `\`env.${name}\` has a NUL character: remove it` }];
    }),
    ...names.flatMap((name, index): Broken[] => {
      const path = ['secrets', index];
      if (typeof name !== 'string') return [];
      if (OWNED_NAME.test(name)) return [{ rule: 'env', path, message: owned(name) }];
      if (!values.some(([other]) => other === name)) return [];
      return [{ rule: 'env', path, message: `\`${name}\` is in both \`env\` and \`secrets\`: keep one` }];
    }),
  ];
}

function segments(path: string): string[] {
  return path.split('/');
}
