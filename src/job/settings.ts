import { type Document, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import { SOLO_AUTO } from './auto-commands.ts';
import { type CostSettings, costsOf, NO_COSTS } from './cost-settings.ts';
import { describe, problemsOf } from './describe-problem.ts';
import type { Finding } from './finding.ts';
import { dodProblem, workdirProblem } from './job-rules.ts';
import { fieldName, type JsonPath, type Place } from './locate.ts';
import { commandWords } from './match-command.ts';
import { MODEL_PRICES, type ModelPrice } from './model-prices.ts';
import { DEFAULT_POLICY, type Policy, policyOf } from './policy-settings.ts';
import { SETTINGS_HINTS, type SettingsFile, settingsFields, settingsSchema } from './settings-schema.ts';

/** What a job may leave out because the repository's settings say it. */
export interface JobDefaults {
  workdir?: string;
  runs_on?: string[];
  timeout_minutes?: number;
  dod?: string;
  /** `jobs.network`, where it is off. */
  network?: 'off';
}

/** A repository's settings with their defaults filled in. */
export interface Settings {
  /** `auto`: the language of the ask. */
  language: 'auto' | 'en' | 'ja';
  /** IANA name; the date in job ids. */
  timeZone: string;
  /** The word that begins an ask, with its slash. */
  trigger: string;
  context: {
    /** Globs of files the planner reads. */
    files: string[];
    maxTokens: number;
  };
  defaults: JobDefaults;
  gate: {
    /** `merge`: a fenced ask by someone who may approve alone is merged at once. */
    fenced: 'merge' | 'approve';
    /** Also judge PRs that touch no job, so that the check can be a required one. */
    reportOnEveryPr: boolean;
    /** `run`: a job file that somebody who may approve pushes to the default branch is approved by that. */
    directPush: 'refuse' | 'run';
    /** Commands, as words: a job of nothing else needs no click. */
    auto: readonly (readonly string[])[];
  };
  /** `git`: a runner takes jobs from the repository itself, and the app only plans and gates. */
  dispatch: 'app' | 'git';
  reports: {
    /** Where records go; null = the default branch. */
    branch: string | null;
    skipCi: boolean;
  };
  limits: {
    maxTimeoutMinutes: number;
    maxScriptLines: number;
    /** A day is one in `timeZone`. */
    asksPerPersonPerDay: number;
    jobsPerGoal: number;
    tokensPerDay: number;
    usdPerDay: number;
  };
  goals: {
    /** A goal that waits for a person reminds once after so long. */
    reminderHours: number;
  };
  /** By model. */
  modelPrices: Readonly<Record<string, ModelPrice>>;
  /** Nothing is planned, merged or leased. */
  paused: boolean;
  policy: Policy;
  /** What runs up by the day, and what currencies are worth. */
  costs: CostSettings;
}

export const DEFAULT_SETTINGS: Settings = {
  language: 'auto',
  timeZone: 'UTC',
  trigger: '/ask',
  context: { files: ['STATE.md', 'STATE/**', 'docs/**', 'reports/loop.md'], maxTokens: 60_000 },
  defaults: {},
  gate: { fenced: 'merge', reportOnEveryPr: false, directPush: 'refuse', auto: [] },
  dispatch: 'app',
  reports: { branch: null, skipCi: true },
  limits: {
    maxTimeoutMinutes: 720,
    maxScriptLines: 200,
    asksPerPersonPerDay: 30,
    jobsPerGoal: 5,
    tokensPerDay: 2_000_000,
    usdPerDay: 5,
  },
  goals: { reminderHours: 24 },
  modelPrices: MODEL_PRICES,
  paused: false,
  policy: DEFAULT_POLICY,
  costs: NO_COSTS,
};

/** In force when a file cannot be read: nothing runs without a click. */
const UNREADABLE: Settings = {
  ...DEFAULT_SETTINGS,
  gate: { ...DEFAULT_SETTINGS.gate, fenced: 'approve' },
};

export type ParsedSettings =
  | { ok: true; settings: Settings }
  /**
   * What is valid by itself stays in force, so that a mistake opens no gate: the trigger, `dispatch: git`.
   * Of a file that cannot be read at all the defaults do, and every ask waits for a click.
   */
  | { ok: false; settings: Settings; findings: Finding[] };

const SETTINGS_PATH = '.github/guruguru.yml';
const MAX_CHARACTERS = 64 * 1024;

/**
 * `.github/guruguru.yml` of the default branch; null is a repository without one. Unknown and duplicate
 * keys are refused, because a setting that is ignored is a promise broken. Never throws.
 */
export function parseSettings(text: string | null, path: string = SETTINGS_PATH): ParsedSettings {
  if (text === null) return { ok: true, settings: DEFAULT_SETTINGS };
  const refused = (found: Found[], settings: Settings = UNREADABLE): ParsedSettings => ({
    ok: false,
    settings,
    findings: found
      .map(({ rule, place, field, message }): Finding => {
        const named = field === undefined ? {} : { field };
        return { rule: `settings/${rule}`, severity: 'failure', path, ...place, ...named, message };
      })
      .sort((a, b) => a.line - b.line || a.column - b.column),
  });
  const whole = (message: string) => refused([{ rule: 'yaml', place: { line: 1, column: 1 }, message }]);
  if (text.length > MAX_CHARACTERS) {
    return whole(`the file has ${text.length} characters: use at most ${MAX_CHARACTERS}`);
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  const wrong = yamlProblem([...document.errors, ...document.warnings], lines);
  if (wrong !== null) return refused([wrong]);
  const place = (where: JsonPath) => placeOf(document, lines, where);
  const plain = toPlain(document);
  if ('problem' in plain) return whole(plain.problem);
  const input = plain.value ?? {};
  if (!isMap(document.contents) && document.contents !== null) {
    return whole(`the file ${describe(input)}: use keys and values, such as "language: ja"`);
  }
  const parsed = settingsSchema.safeParse(input);
  if (!parsed.success) {
    const problems = problemsOf(parsed.error.issues, input, SETTINGS_HINTS, settingsFields);
    return refused(
      problems.map(({ rule, path: at, message }) => {
        const field = fieldName(at);
        return { rule, place: place(at), message, ...(field === '' ? {} : { field }) };
      }),
      validPart(
        input,
        problems.map(({ path: at }) => at),
      ),
    );
  }
  const broken = brokenDefaults(parsed.data).map((problem) => ({ ...problem, place: place(problem.path) }));
  if (broken.length > 0) {
    return refused(broken, withDefaults({ ...parsed.data, defaults: {} }));
  }
  return { ok: true, settings: withDefaults(parsed.data) };
}

/** The settings without what is wrong in them. */
function validPart(input: unknown, wrong: readonly JsonPath[]): Settings {
  const copy: unknown = structuredClone(input);
  for (const path of wrong) {
    let place: unknown = copy;
    for (const key of path.slice(0, -1)) place = isObject(place) ? place[key] : undefined;
    const last = path.at(-1);
    // An entry of a list is wrong: then the list is, or its order would change its meaning.
    if (Array.isArray(place)) return validPart(copy, [path.slice(0, -1)]);
    if (isObject(place) && last !== undefined) delete place[last];
  }
  const parsed = settingsSchema.safeParse(copy);
  return parsed.success ? withDefaults(parsed.data) : UNREADABLE;
}

function isObject(value: unknown): value is Record<PropertyKey, unknown> {
  return typeof value === 'object' && value !== null;
}

interface Found {
  rule: string;
  place: Place;
  field?: string;
  message: string;
}

/** What would make every job that relies on a default invalid is told here, where it can be mended. */
function brokenDefaults({ defaults, limits }: SettingsFile) {
  const most = limits?.max_timeout_minutes ?? DEFAULT_SETTINGS.limits.maxTimeoutMinutes;
  const timeout = defaults?.timeout_minutes ?? 1;
  const problems: [string, string | null][] = [
    [
      'workdir',
      defaults?.workdir === undefined ? null : workdirProblem(defaults.workdir, 'defaults.workdir'),
    ],
    ['dod', defaults?.dod === undefined ? null : dodProblem(defaults.dod, 'defaults.dod')],
    [
      'timeout_minutes',
      timeout > most
        ? `\`defaults.timeout_minutes\` is ${timeout}, more than \`limits.max_timeout_minutes\` (${most}): lower it or raise the limit`
        : null,
    ],
  ];
  return problems.flatMap(([key, message]) =>
    message === null
      ? []
      : [{ rule: 'defaults', path: ['defaults', key], field: `defaults.${key}`, message }],
  );
}

function withDefaults(file: SettingsFile): Settings {
  const base = DEFAULT_SETTINGS;
  const { workdir, runs_on, timeout_minutes, dod } = file.defaults ?? {};
  return {
    language: file.language ?? base.language,
    timeZone: file.time_zone ?? base.timeZone,
    trigger: file.trigger ?? base.trigger,
    context: {
      files: file.context?.files ?? base.context.files,
      maxTokens: file.context?.max_tokens ?? base.context.maxTokens,
    },
    defaults: {
      ...(workdir === undefined ? {} : { workdir }),
      ...(runs_on === undefined ? {} : { runs_on }),
      ...(timeout_minutes === undefined ? {} : { timeout_minutes }),
      ...(dod === undefined ? {} : { dod }),
      ...(file.jobs?.network === 'off' ? { network: 'off' } : {}),
    },
    gate: {
      fenced: file.gate?.fenced ?? base.gate.fenced,
      reportOnEveryPr: file.gate?.report_on_every_pr ?? base.gate.reportOnEveryPr,
      directPush: file.gate?.direct_push ?? base.gate.directPush,
      auto:
        file.gate?.auto?.map((text) => commandWords(text) ?? []) ??
        (file.policy === 'solo' ? SOLO_AUTO : base.gate.auto),
    },
    dispatch: file.dispatch ?? base.dispatch,
    reports: {
      branch: file.reports?.branch ?? base.reports.branch,
      skipCi: file.reports?.skip_ci ?? base.reports.skipCi,
    },
    limits: {
      maxTimeoutMinutes: file.limits?.max_timeout_minutes ?? base.limits.maxTimeoutMinutes,
      maxScriptLines: file.limits?.max_script_lines ?? base.limits.maxScriptLines,
      asksPerPersonPerDay: file.limits?.asks_per_person_per_day ?? base.limits.asksPerPersonPerDay,
      jobsPerGoal: file.limits?.jobs_per_goal ?? base.limits.jobsPerGoal,
      tokensPerDay: file.limits?.tokens_per_day ?? base.limits.tokensPerDay,
      usdPerDay: file.limits?.usd_per_day ?? base.limits.usdPerDay,
    },
    goals: { reminderHours: file.goals?.reminder_hours ?? base.goals.reminderHours },
    modelPrices: { ...base.modelPrices, ...file.model_prices },
    paused: file.paused ?? base.paused,
    policy: policyOf(file),
    costs: costsOf(file),
  };
}

/** Aliases are refused: a few of them make a document of any size. */
function toPlain(document: Document): { value: unknown } | { problem: string } {
  try {
    return { value: document.toJS({ maxAliasCount: 0 }) };
  } catch (error) {
    // yaml throws a ReferenceError for too many aliases.
    return error instanceof ReferenceError
      ? { problem: 'the file uses anchors and aliases (& and *): write the values out' }
      : { problem: 'the file nests too deeply: use the documented keys' };
  }
}

/** The first error only: what follows it in YAML is mostly its consequence. */
function yamlProblem(
  errors: readonly { code: string; message: string; pos: [number, number] }[],
  lines: LineCounter,
): Found | null {
  const [error] = errors;
  if (error === undefined) return null;
  const place = placeAt(lines, error.pos[0]);
  if (error.code === 'DUPLICATE_KEY') {
    return { rule: 'duplicate-key', place, message: 'this key is there twice: keep one' };
  }
  const deep = /call stack/.test(error.message) ? 'it nests too deeply here' : error.message;
  const message = error.code === 'MULTIPLE_DOCS' ? 'a second document starts here; remove it' : deep;
  return { rule: 'yaml', place, message: `the file is not plain YAML: ${message}` };
}

/** The key a path names, or the last one on the way that exists: a mistake is mended there. */
function placeOf(document: Document, lines: LineCounter, path: JsonPath): Place {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const part of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && item.key.value === part);
      offset = startOf(pair?.key) ?? offset;
      node = pair?.value;
    } else {
      node = isSeq(node) && typeof part === 'number' ? node.items[part] : null;
      offset = startOf(node) ?? offset;
    }
  }
  return placeAt(lines, offset);
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}

function placeAt(lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}
