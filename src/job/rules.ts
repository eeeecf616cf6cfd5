/** What a rule makes of what it finds. `deny` fails the check; `warn` shows it to who approves. */
export type Effect = 'allow' | 'warn' | 'deny';
export const EFFECTS = ['allow', 'warn', 'deny'] as const;

/** A rule on script lines; its message goes on from the name of the line. */
interface Rule {
  effect: Effect;
  message: string;
}

/**
 * The rules that come with the product, each with the effect it has unless `rules` of the settings gives it
 * another. A guard-rail, not a boundary: it catches what was not meant, never what is meant. The boundary is
 * the person who approves, the OS user and the sandbox (design section 8).
 */
export const RULES = {
  'hidden-character': {
    effect: 'deny',
    message: 'has an invisible character, which can hide what the line does: remove it',
  },
  lookalike: {
    effect: 'warn',
    message:
      'has letters or spaces that look like others (such as Cyrillic in a Latin word): check that it runs what it seems to',
  },
  'remove-root': {
    effect: 'deny',
    message: 'removes everything below / or the home directory: name the directory that is meant',
  },
  'carriage-return': {
    effect: 'warn',
    message: 'has a carriage return, which bash takes as part of a word: use plain line breaks',
  },
  secret: {
    effect: 'deny',
    message:
      'looks like it holds a secret, which everyone who reads the repository sees: revoke it, and name it in `secrets`',
  },
  password: {
    effect: 'warn',
    message:
      'holds a password, which everyone who reads the repository sees: name it in `secrets` and use the variable',
  },
  'pipe-to-shell': {
    effect: 'warn',
    message: 'runs a download unseen: download to a file, check it, then run it',
  },
  'unseen-script': {
    effect: 'warn',
    message: 'runs text that is only known when it runs: write the commands out',
  },
  'dynamic-command': {
    effect: 'warn',
    message: 'runs a command whose name is only known when it runs: write the name out',
  },
  unparsed: { effect: 'warn', message: 'cannot be checked' },
  'force-push': {
    effect: 'warn',
    message: 'overwrites commits of others: use --force-with-lease, or push without force',
  },
  sudo: {
    effect: 'warn',
    message: 'uses sudo: a job sees what its OS user has; give that user the right it needs',
  },
  'reads-stdin': {
    effect: 'warn',
    message: 'waits for input: a job has none, so it ends or fails at once; pass it by argument or file',
  },
  'agent-full-access': {
    effect: 'warn',
    message:
      "lets the agent do on the runner's machine all that its OS user can: use workspace-write if that is enough",
  },
  'unlisted-command': { effect: 'allow', message: 'runs a command that `commands` does not name' },
} as const satisfies Record<string, Rule>;

export type RuleName = keyof typeof RULES;
export const RULE_NAMES = Object.keys(RULES) as RuleName[];

export type RuleEffects = Readonly<Record<RuleName, Effect>>;
export const DEFAULT_EFFECTS = Object.fromEntries(
  RULE_NAMES.map((name) => [name, RULES[name].effect]),
) as RuleEffects;
