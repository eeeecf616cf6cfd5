/** What a well-known secret looks like. Sources are regular expressions; see docs/decisions on where they come from. */
export interface SecretShape {
  /** Stands in the mark that replaces it. */
  kind: string;
  /** The three characters it can begin with, in words: only where they stand is the rest looked at. */
  begins: string;
  /** How it begins; bounded, so that looking for it is linear. */
  start: string;
  /** A character class: what follows the start. */
  body: string;
  /** Characters of body it has at least. */
  min: number;
  /** More that start and body together must be, where the above says too little. */
  whole?: RegExp;
  /** The start only tells where to look: it stays, the body goes. Such a start may stand anywhere. */
  context?: true;
  /** What must come after the body. */
  before?: string;
  /** So many characters of body are judged; default 320. */
  look?: number;
}

const WORD = 'A-Za-z0-9';
const WORD_ = 'A-Za-z0-9_';
const URL64 = 'A-Za-z0-9_-';
const BASE64 = 'A-Za-z0-9+/=';
const SPACE = '[ \\t]{0,5}';
const ASSIGN = `["']?${SPACE}(?::|=>|=)${SPACE}["']?`;

/** Any case, without a flag that would hold for everything else too. */
function anyCase(text: string): string {
  return text.replace(/[a-z]/g, (letter) => `[${letter}${letter.toUpperCase()}]`);
}

/**
 * Held against the rules of secretlint by a test, which names each shape that is missing here; wider than
 * those, because the services make their tokens longer now and then.
 */
export const SECRET_SHAPES: readonly SecretShape[] = [
  { kind: 'github', begins: 'gho ghp ghr ghs ghu', start: 'gh[oprsu]_', body: `${WORD_}.-`, min: 30 },
  { kind: 'github', begins: 'git', start: 'github_pat_', body: WORD_, min: 22 },
  { kind: 'guruguru', begins: 'ggr', start: 'ggr_', body: URL64, min: 16 },
  // OpenAI, Anthropic and those who do as they do; a digit tells it from words joined by dashes.
  { kind: 'openai', begins: 'sk-', start: 'sk-', body: URL64, min: 20, whole: /\d/, look: 64 },
  {
    kind: 'aws',
    begins: 'A3T AKI AGP AID ARO AIP ANP ANV ASI',
    start: '(?:A3T[A-Z0-9]|A(?:KI|GP|ID|RO|IP|NP|NV|SI)A)',
    body: WORD,
    min: 16,
    whole: /^[A-Z0-9]{20}$/,
  },
  { kind: 'slack', begins: 'xox', start: 'xox[a-z]-', body: 'A-Za-z0-9.-', min: 10, whole: /\d/ },
  { kind: 'slack', begins: 'xap', start: 'xapp-', body: 'A-Za-z0-9-', min: 10, whole: /\d/ },
  {
    kind: 'slack',
    begins: 'hoo',
    start: 'hooks\\.slack\\.com/services/',
    body: 'A-Za-z0-9/',
    min: 20,
    context: true,
  },
  {
    kind: 'discord',
    begins: 'dis',
    start: 'discord(?:app)?\\.com/api/webhooks/',
    body: `/${URL64}`,
    min: 40,
    context: true,
  },
  { kind: 'google', begins: 'AIz', start: 'AIza', body: URL64, min: 35 },
  { kind: 'google', begins: 'ya2', start: 'ya29\\.', body: `.${URL64}`, min: 20 },
  { kind: 'google', begins: 'GOC', start: 'GOCSPX-', body: URL64, min: 20 },
  { kind: 'google', begins: '1//', start: '1//0', body: URL64, min: 40, whole: /[A-Z]/ },
  {
    kind: 'gitlab',
    begins: 'glp glr gld glc glf gli gls gla glo',
    start: 'gl(?:pat|ptt|rt|rtr|dt|cbt|ft|imt|soat|agent|oas|ffct)-',
    body: `.${URL64}`,
    min: 20,
  },
  {
    kind: 'npm',
    begins: 'npm',
    start: 'npm_',
    body: WORD_,
    min: 36,
    whole: /^npm_(?!config_|package_|lifecycle_|command|execpath|node_|new_|old_)/,
  },
  {
    kind: 'jwt',
    begins: 'eyJ',
    start: 'eyJ',
    body: `.${URL64}`,
    min: 20,
    look: 4000,
    whole: /^eyJ[\w-]{8,}\.eyJ[\w-]{8,}/,
  },
  {
    kind: 'stripe',
    begins: 'sk_ rk_ whs',
    start: '(?:[sr]k_(?:live|test)_|whsec_)',
    body: BASE64,
    min: 16,
  },
  { kind: 'groq', begins: 'gsk', start: 'gsk_', body: WORD, min: 40 },
  { kind: 'xai', begins: 'xai', start: 'xai-', body: WORD, min: 40 },
  { kind: 'perplexity', begins: 'ppl', start: 'pplx-', body: WORD, min: 40 },
  { kind: 'replicate', begins: 'r8_', start: 'r8_', body: WORD, min: 36 },
  { kind: 'huggingface', begins: 'hf_', start: 'hf_', body: WORD, min: 30 },
  { kind: 'linear', begins: 'lin', start: 'lin_(?:api|oauth)_', body: WORD_, min: 32 },
  { kind: 'notion', begins: 'ntn', start: 'ntn_', body: WORD, min: 40 },
  {
    kind: 'sendgrid',
    begins: 'SG.',
    start: 'SG\\.',
    body: `.${URL64}`,
    min: 32,
    whole: /^SG\.[\w-]{10,}\.[\w-]{10,}/,
  },
  { kind: 'shopify', begins: 'shp', start: 'shp(?:at|ca|pa|ss)_', body: WORD, min: 32 },
  { kind: 'grafana', begins: 'glc', start: 'glc_', body: BASE64, min: 32 },
  { kind: 'grafana', begins: 'gls', start: 'glsa_', body: WORD_, min: 32 },
  { kind: '1password', begins: 'ops', start: 'ops_ey', body: BASE64, min: 100 },
  { kind: 'vault', begins: 'hvs hvb hvr', start: 'hv[sbr]\\.', body: URL64, min: 24 },
  { kind: 'vercel', begins: 'vcp vca vci vcr vck', start: 'vc[pairk]_', body: WORD, min: 20 },
  {
    kind: 'databricks',
    begins: 'dap',
    start: 'dapi',
    body: 'A-Za-z0-9-',
    min: 32,
    whole: /^dapi[a-fA-F0-9]{32}(?:-\d)?$/,
  },
  { kind: 'docker', begins: 'dck', start: 'dckr_(?:pat|oat)_', body: URL64, min: 20 },
  { kind: 'figma', begins: 'fig', start: 'fig[dorhu]_', body: URL64, min: 40 },
  { kind: 'digitalocean', begins: 'doo dop dor', start: 'do[opr]_v1_', body: WORD, min: 40 },
  { kind: 'atlassian', begins: 'ATA ATC', start: 'AT[AC]TT3', body: `=${URL64}`, min: 50 },
  { kind: 'pypi', begins: 'pyp', start: 'pypi-AgE', body: URL64, min: 40 },
  { kind: 'rubygems', begins: 'rub', start: 'rubygems_', body: WORD, min: 40 },
  { kind: 'crates', begins: 'cio', start: 'cio', body: WORD, min: 32, whole: /^cio[A-Za-z0-9]{32}$/ },
  { kind: 'age', begins: 'AGE', start: 'AGE-SECRET-KEY-1', body: WORD, min: 50 },
  { kind: 'postman', begins: 'PMA', start: 'PMAK-', body: 'A-Fa-f0-9-', min: 40 },
  { kind: 'sentry', begins: 'snt', start: 'sntry[su]_', body: `${WORD_}+/=`, min: 40 },
  { kind: 'newrelic', begins: 'NRA', start: 'NRAK-', body: WORD, min: 27 },
  { kind: 'pulumi', begins: 'pul', start: 'pul-', body: WORD, min: 40, whole: /^pul-[a-f0-9]{40}$/ },
  { kind: 'supabase', begins: 'sbp', start: 'sbp_', body: WORD_, min: 40 },
  { kind: 'doppler', begins: 'dp.', start: 'dp\\.(?:pt|st|ct|sa|scim|audit)\\.', body: `.${URL64}`, min: 40 },
  { kind: 'netlify', begins: 'nfp', start: 'nfp_', body: WORD, min: 36 },
  { kind: 'planetscale', begins: 'psc', start: 'pscale_(?:tkn|pw|oauth)_', body: `.${URL64}`, min: 32 },
  { kind: 'circleci', begins: 'CCI', start: 'CCIPAT_', body: WORD_, min: 40 },
  { kind: 'tailscale', begins: 'tsk', start: 'tskey-', body: URL64, min: 20 },
  { kind: 'cloudflare', begins: 'cfk cfu cfa', start: 'cf(?:k|ut|at)_', body: WORD, min: 40 },
  { kind: 'square', begins: 'sq0', start: 'sq0[a-z]{3}-', body: URL64, min: 22 },
  // https://github.com/git-lfs/…:x-oauth-basic@ and the like: the token is the user.
  {
    kind: 'password',
    begins: '://',
    start: '://',
    body: '^\\s/:@',
    min: 20,
    whole: /^:\/\/[\w.-]+$/,
    context: true,
    before: ':x-oauth-basic@',
  },
  {
    kind: 'password',
    begins: '://',
    start: '://[^\\s/:]{0,256}:',
    body: '^\\s/@',
    min: 1,
    context: true,
    before: '@',
    look: 500,
    // A variable's name, or what already stands for a secret.
    whole: /^:\/\/[^\s/:]{0,256}:(?!(?:\$\{?\w+\}?|\*{3,}|\[redacted:[\w-]+\]|x-oauth-basic)$)/,
  },
  {
    kind: 'authorization',
    begins: 'aut Aut AUT',
    start: `${anyCase('authorization')}${ASSIGN}${anyCase('(?:bearer|basic|token)')}[ \\t]{1,5}`,
    body: '^\\s"\'\\\\',
    min: 8,
    context: true,
    whole: /[ \t](?!\[redacted:[\w-]+\]$|\$\{?\w+\}?$)\S+$/,
  },
  {
    kind: 'authorization',
    begins: 'x-a X-A X-a pri Pri PRI',
    start: `(?:${anyCase('(?:x-api-key|private-token|x-auth-token)')})${ASSIGN}`,
    body: '^\\s"\'\\\\',
    min: 16,
    context: true,
    whole: /[:=]["' \t]*(?!\[redacted:[\w-]+\]$|\$)\S+$/,
  },
  {
    kind: 'npm',
    begins: '_au _pa',
    start: '_(?:authToken|auth|password)=',
    body: `${BASE64}_.-`,
    min: 8,
    context: true,
  },
  {
    kind: 'aws',
    begins: 'sec Sec SEC',
    start: `${anyCase('secret_?access_?key')}${ASSIGN}`,
    body: 'A-Za-z0-9/+=',
    min: 40,
    context: true,
  },
  {
    kind: 'azure',
    begins: 'Acc Sha',
    start: '(?:Account|SharedAccess)Key=',
    body: BASE64,
    min: 40,
    context: true,
  },
];
