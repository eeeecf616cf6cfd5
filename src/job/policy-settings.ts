import { z } from 'zod';
import type { Hints } from './describe-problem.ts';
import { jobSchema } from './job.ts';
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

/** What the repository's policy says of jobs; null = no restriction. */
export interface Policy {
  rules: RuleEffects;
  commands: CommandRule[];
  jobs: {
    kinds: string[] | null;
    runsOn: string[] | null;
    /** Directories; what is below is meant too. */
    workdirs: string[] | null;
  };
}

export const DEFAULT_POLICY: Policy = {
  rules: DEFAULT_EFFECTS,
  commands: [],
  jobs: { kinds: null, runsOn: null, workdirs: null },
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

/** The policy's sections of `.github/guruguru.yml`. */
export const policyShape = {
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
      kinds: z.array(jobSchema.shape.kind).min(1).max(10).optional(),
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
    })
    .nullish(),
};
const policyFile = z.object(policyShape);

export const POLICY_HINTS: Hints = {
  rules: 'use the names of docs/policy.md, each with allow, warn or deny',
  ...Object.fromEntries(RULE_NAMES.map((name) => [`rules.${name}`, 'use allow, warn or deny'])),
  commands: 'use a list of at most 200 entries, such as "- deny: kubectl delete"',
  'commands[]': 'use one of allow, warn and deny with a command, and name and why if you like',
  'commands[].allow': 'use a command of plain words, such as kubectl get',
  'commands[].warn': 'use a command of plain words, such as git push',
  'commands[].deny': 'use a command of plain words, such as kubectl delete',
  'commands[].name': 'use lower-case letters, digits and dashes, and no name of a built-in rule',
  'commands[].why': 'use one line of at most 300 characters',
  jobs: 'use the keys kinds, runs_on and workdirs',
  'jobs.kinds': 'use a list, such as [run_shell]',
  'jobs.kinds[]': 'use run_shell',
  'jobs.runs_on': 'use a list of runner labels, such as [devbox]',
  'jobs.runs_on[]': 'use 1-63 letters, digits, dots, dashes or underscores',
  'jobs.workdirs': 'use a list of absolute directories, such as [/workspace]',
  'jobs.workdirs[]': 'use an absolute path such as /workspace/app',
};

/** With what the file leaves out. */
export function policyOf(file: z.output<typeof policyFile>): Policy {
  const given = Object.entries(file.rules ?? {}).filter(([, one]) => one !== undefined);
  return {
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
