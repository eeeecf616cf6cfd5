/** What may follow a command of `gate.auto` beyond its own words. */
export interface SafeOptions {
  /** Options without a value. */
  flags?: readonly string[];
  /** Options with one, as the next word or after `=`; `values` are the only ones, if given. */
  valued?: Readonly<Record<string, RegExp>>;
  /** Words that are no options; absent = none are allowed. */
  words?: RegExp;
}

const NAME = /^[\w.:@%+,=/-]+$/;
/** Below the current directory, or a name; ranges such as `main..HEAD` are none of these. */
const INSIDE = /^(?![/~-])(?!(?:.*\/)?\.\.(?:\/|$))[\w.:@^~{}+,=/*-]+$/;
const NUMBER = /^\d+$/;
const TEXT = /^[^-]/;

const NAMESPACE = { '-n': NAME, '--namespace': NAME };
const SELECT = { '-l': NAME, '--selector': NAME, '--field-selector': NAME };

/**
 * Options that only choose what is shown. Everything else (`--kubeconfig`, `--raw`, `--output`, `-c`,
 * `--ext-diff`, a file to read, another cluster) needs a click, and so does an option that is not here.
 */
export const SAFE_OPTIONS: Readonly<Record<string, SafeOptions>> = {
  'kubectl get': {
    flags: ['-A', '--all-namespaces', '--show-labels', '--no-headers', '--ignore-not-found'],
    // Names and states; `-o yaml` would show what is in them.
    valued: {
      ...NAMESPACE,
      ...SELECT,
      '-o': /^(?:wide|name)$/,
      '--output': /^(?:wide|name)$/,
      '--sort-by': NAME,
    },
    words: /^(?!.*secret)[\w.,/-]+$/i,
  },
  'kubectl top': {
    flags: ['-A', '--all-namespaces', '--no-headers'],
    valued: { ...NAMESPACE, ...SELECT },
    words: NAME,
  },
  'kubectl rollout status': { valued: { ...NAMESPACE, '--timeout': /^\d+[sm]$/ }, words: NAME },
  'kubectl version': {},
  'git status': { flags: ['-s', '--short', '-b', '--branch', '--porcelain', '--show-stash'], words: INSIDE },
  'git log': {
    flags: [
      ...['--oneline', '--graph', '--decorate', '--all', '--stat', '--shortstat', '--name-only'],
      ...['--name-status', '--merges', '--no-merges', '--first-parent', '--reverse'],
    ],
    valued: {
      '-n': NUMBER,
      '--max-count': NUMBER,
      '--since': TEXT,
      '--until': TEXT,
      '--author': TEXT,
      '--grep': TEXT,
    },
    words: INSIDE,
  },
  'git diff': {
    flags: [
      '--stat',
      '--shortstat',
      '--numstat',
      '--name-only',
      '--name-status',
      '--cached',
      '--staged',
      '--check',
    ],
    words: INSIDE,
  },
  'git show': {
    flags: ['--stat', '--oneline', '--name-only', '--name-status', '-s', '--no-patch'],
    words: INSIDE,
  },
  'git rev-parse': { flags: ['--short', '--abbrev-ref', '--verify', '--show-toplevel'], words: INSIDE },
  'git ls-files': { words: INSIDE },
  'git describe': { flags: ['--tags', '--always', '--long'], words: INSIDE },
  'docker ps': { flags: ['-a', '--all', '-q', '--quiet', '--no-trunc'] },
  'docker images': { flags: ['-q', '--quiet'] },
  'helm list': { flags: ['-A', '--all-namespaces', '-a', '--all'], valued: NAMESPACE },
  ls: { flags: ['-l', '-a', '-la', '-al', '-lh', '-lah', '-1', '-t', '-lt'], words: INSIDE },
  df: { flags: ['-h', '-i'] },
  free: { flags: ['-h', '-m'] },
  uname: { flags: ['-a', '-s', '-r', '-m'] },
  date: { flags: ['-u'], words: /^\+[\w%:. /-]+$/ },
  uptime: {},
  hostname: {},
  whoami: {},
  nproc: {},
  pwd: {},
  true: {},
};

/** A command of somebody's own: what follows its words is names and files below the current directory. */
export const OWN_COMMAND: SafeOptions = { words: INSIDE };

/** `gate.auto` of `policy: solo`. */
export const SOLO_AUTO: readonly string[][] = [
  ...Object.keys(SAFE_OPTIONS).map((key) => key.split(' ')),
  ['echo'],
];

/** They run what they are told to, so that no list of their commands would say what happens. */
const RUNNERS =
  /^(?:(?:ba|da|z|k|a|fi|c|tc)?sh|env|sudo|doas|su|xargs|eval|exec|command|builtin|source|\.|find|fd|ssh|scp|rsync|nohup|timeout|nice|watch|time|awk|gawk|sed|vi|vim|perl|python[\d.]*|ruby|node|deno|bun|php|lua|make|npm|npx|pnpm|yarn|pip|cargo|go|parallel|tee|dd|cp|mv|rm|alias|export|set|trap|read|printf|declare|typeset|local|unset|enable|hash|shopt|cd)$/;
/** They need a second word that says what they do. */
const WITH_SUBCOMMAND =
  /^(?:git|kubectl|oc|docker|podman|helm|terraform|tofu|gcloud|aws|az|gh|systemctl|brew|apt|flux|argocd)$/;

/** Whether a command may stand on `gate.auto` at all. */
export function canBeAuto(words: readonly string[]): boolean {
  const [name = '', second] = words;
  if (name.includes('/') || RUNNERS.test(name)) return false;
  return !WITH_SUBCOMMAND.test(name) || (second !== undefined && /^[a-z]/.test(second));
}
