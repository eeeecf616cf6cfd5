import { z } from 'zod';
import { type AgentPolicy, DEFAULT_AGENT_POLICY } from './change/judge-change.ts';
import type { Hints } from './describe-problem.ts';
import { JOB_KINDS } from './job.ts';
import { workdirProblem } from './job-rules.ts';
import { commandWords } from './match-command.ts';
import { DEFAULT_EFFECTS, EFFECTS, type Effect, RULE_NAMES, type RuleEffects } from './rules.ts';

/** One entry of `commands`: the first that applies to a command decides on it. */
export interface CommandRule {
  effect: Effect;
  /** The command, its name first. */
  words: string[];
  /** For `policy/<name>` and `/approve --override <name>`. */
  name: string;
  why: string | null;
}

/** Who may do something: this permission or more, and, if teams are named, membership in one of them. */
export interface PersonRule {
  permission: 'write' | 'maintain' | 'admin';
  /** Slugs of teams of the organization that owns the repository. */
  teams: string[];
}

/** What the repository's policy says; null = no restriction. */
export interface Policy {
  ask: PersonRule & {
    /** Logins such as `renovate[bot]`; other bots start nothing. */
    bots: string[];
  };
  approve: PersonRule & {
    /** Different people who must approve one head. */
    count: number;
    /** Whether who asked, or wrote the PR, may approve it. */
    own: boolean;
  };
  /** Logins that may override what the policy denies; nobody else may. */
  owners: string[];
  rules: RuleEffects;
  commands: CommandRule[];
  jobs: {
    kinds: string[] | null;
    runsOn: string[] | null;
    /** Directories; what is below is meant too. */
    workdirs: string[] | null;
    /** What a script gets that says nothing of the network. */
    network: 'on' | 'off';
  };
  /** What an agent's change may be. */
  agent: AgentPolicy;
}

/** What `policy: solo` and `policy: team` begin with, and a file that names neither. */
const PRESETS = {
  none: { own: true },
  solo: { own: true },
  team: { own: false },
} as const;

export const DEFAULT_POLICY: Policy = {
  ask: { permission: 'write', teams: [], bots: [] },
  approve: { permission: 'write', teams: [], count: 1, own: PRESETS.none.own },
  owners: [],
  rules: DEFAULT_EFFECTS,
  commands: [],
  jobs: { kinds: null, runsOn: null, workdirs: null, network: 'on' },
  agent: DEFAULT_AGENT_POLICY,
};

const effect = z.enum(EFFECTS);
const command = z
  .string()
  .min(1)
  .max(200)
  .refine((text) => commandWords(text) !== null);
const entry = z
  .strictObject({
    allow: command.optional(),
    warn: command.optional(),
    deny: command.optional(),
    name: z
      .string()
      .regex(/^[a-z][a-z0-9-]{0,62}$/)
      .refine((name) => !(RULE_NAMES as string[]).includes(name))
      .optional(),
    why: z.string().min(1).max(300).optional(),
  })
  .refine((given) => EFFECTS.filter((one) => given[one] !== undefined).length === 1);

const permission = z.enum(['write', 'maintain', 'admin']);
/** Rule: GitHub's team slugs are lower-case words with dashes. */
const teams = z.array(z.string().regex(/^[a-z0-9][a-z0-9_-]{0,99}$/)).max(20);
/** GitHub's logins have at most 39 characters. */
const login = z.string().regex(/^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,38})$/);
const bot = z.string().regex(/^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,98})\[bot\]$/);

const pathGlob = z
  .string()
  .min(1)
  .max(300)
  .refine((value) => !value.startsWith('/') && !value.includes('\\') && !value.split('/').includes('..'));

/** The policy's sections of `.github/guruguru.yml`. */
export const policyShape = {
  policy: z.enum(['solo', 'team']).optional(),
  ask: z
    .strictObject({
      permission: permission.optional(),
      teams: teams.optional(),
      bots: z.array(bot).max(20).optional(),
    })
    .nullish(),
  approve: z
    .strictObject({
      permission: permission.optional(),
      teams: teams.optional(),
      count: z.int().min(1).max(6).optional(),
      own: z.boolean().optional(),
    })
    .nullish(),
  owners: z.array(login).max(50).nullish(),
  rules: z
    .strictObject(
      Object.fromEntries(RULE_NAMES.map((name) => [name, effect.optional()])) as Record<
        (typeof RULE_NAMES)[number],
        z.ZodOptional<typeof effect>
      >,
    )
    .nullish(),
  commands: z.array(entry).max(200).nullish(),
  jobs: z
    .strictObject({
      kinds: z.array(z.enum(JOB_KINDS)).min(1).max(10).optional(),
      runs_on: z
        .array(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/))
        .min(1)
        .max(50)
        .optional(),
      workdirs: z
        .array(z.string().refine((path) => workdirProblem(path, 'workdirs') === null))
        .min(1)
        .max(50)
        .optional(),
      network: z.enum(['on', 'off']).optional(),
    })
    .nullish(),
  agent: z
    .strictObject({
      paths: z.array(pathGlob).min(1).max(100).optional(),
      max_files: z.int().min(1).max(1000).optional(),
      max_diff_kb: z.int().min(1).max(512).optional(),
    })
    .nullish(),
};
const policyFile = z.object(policyShape);

const PERMISSION_HINT = 'use write, maintain or admin';
const TEAMS_HINT = 'use a list of team slugs, such as [platform]';
export const POLICY_HINTS: Hints = {
  policy: 'use solo or team',
  ask: 'use the keys permission, teams and bots',
  'ask.permission': PERMISSION_HINT,
  'ask.teams': TEAMS_HINT,
  'ask.teams[]': TEAMS_HINT,
  'ask.bots': 'use a list of bot logins, such as ["renovate[bot]"]',
  'ask.bots[]': 'use the login of a bot with its ending, such as "renovate[bot]"',
  approve: 'use the keys permission, teams, count and own',
  'approve.permission': PERMISSION_HINT,
  'approve.teams': TEAMS_HINT,
  'approve.teams[]': TEAMS_HINT,
  'approve.count': 'use 1 to 6',
  'approve.own': 'use true or false',
  owners: 'use a list of at most 50 logins, such as [octocat]',
  'owners[]': 'use a login without @, such as octocat',
  rules: 'use the names of docs/policy.md, each with allow, warn or deny',
  ...Object.fromEntries(RULE_NAMES.map((name) => [`rules.${name}`, 'use allow, warn or deny'])),
  commands: 'use a list of at most 200 entries, such as "- deny: kubectl delete"',
  'commands[]': 'use one of allow, warn and deny with a command, and name and why if you like',
  'commands[].allow': 'use a command of plain words, such as kubectl get',
  'commands[].warn': 'use a command of plain words, such as git push',
  'commands[].deny': 'use a command of plain words, such as kubectl delete',
  'commands[].name': 'use lower-case letters, digits and dashes, and no name of a built-in rule',
  'commands[].why': 'use one line of at most 300 characters',
  jobs: 'use the keys kinds, runs_on, workdirs and network',
  'jobs.kinds': 'use a list, such as [run_shell]',
  'jobs.kinds[]': 'use run_shell or codex',
  'jobs.runs_on': 'use a list of runner labels, such as [devbox]',
  'jobs.runs_on[]': 'use 1-63 letters, digits, dots, dashes or underscores',
  'jobs.workdirs': 'use a list of absolute directories, such as [/workspace]',
  'jobs.workdirs[]': 'use an absolute path such as /workspace/app',
  'jobs.network': 'use on or off',
  agent: 'use the keys paths, max_files and max_diff_kb',
  'agent.paths': 'use a list of paths or patterns, such as [src/**, docs/**]',
  'agent.paths[]': 'use a path or pattern inside the repository, such as src/**',
  'agent.max_files': 'use 1 to 1000',
  'agent.max_diff_kb': 'use 1 to 512',
};

/** With what the file leaves out. */
export function policyOf(file: z.output<typeof policyFile>): Policy {
  const preset = PRESETS[file.policy ?? 'none'];
  const { ask, approve } = DEFAULT_POLICY;
  const given = Object.entries(file.rules ?? {}).filter(([, one]) => one !== undefined);
  return {
    ask: {
      permission: file.ask?.permission ?? ask.permission,
      teams: file.ask?.teams ?? ask.teams,
      bots: file.ask?.bots ?? ask.bots,
    },
    approve: {
      permission: file.approve?.permission ?? approve.permission,
      teams: file.approve?.teams ?? approve.teams,
      count: file.approve?.count ?? approve.count,
      own: file.approve?.own ?? preset.own,
    },
    owners: file.owners ?? [],
    rules: { ...DEFAULT_EFFECTS, ...Object.fromEntries(given) },
    commands: (file.commands ?? []).flatMap((one): CommandRule[] => {
      const of = EFFECTS.find((name) => one[name] !== undefined);
      const words = of && commandWords(one[of] ?? '');
      if (!of || !words) return [];
      return [{ effect: of, words, name: one.name ?? slug(words), why: one.why ?? null }];
    }),
    jobs: {
      kinds: file.jobs?.kinds ?? null,
      runsOn: file.jobs?.runs_on ?? null,
      workdirs: file.jobs?.workdirs ?? null,
      network: file.jobs?.network ?? DEFAULT_POLICY.jobs.network,
    },
    agent: {
      paths: file.agent?.paths ?? DEFAULT_AGENT_POLICY.paths,
      maxFiles: file.agent?.max_files ?? DEFAULT_AGENT_POLICY.maxFiles,
      maxDiffKb: file.agent?.max_diff_kb ?? DEFAULT_AGENT_POLICY.maxDiffKb,
    },
  };
}

/** `git push --force` → `git-push-force`. */
function slug(words: readonly string[]): string {
  const plain = words
    .join('-')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-');
  return plain.replace(/^-+|-+$/g, '').slice(0, 63) || 'command';
}
