import { cellsOf, UTC_MINUTE } from './loop-rows.ts';

/** How a thing stands, as cells of its row. */
export interface Standing {
  colour: 'red' | 'green';
  /** When it became so: the first run of that colour, as far as it is known. */
  since: string;
  what: string;
  run: string;
  ended: string;
  report: string;
}

/** Of each colour. */
const STANDINGS_MAX = 12;
/** What has not run for so long is no news, and is left out. */
const OLD_MS = 30 * 24 * 3_600_000;

const ROW = new RegExp(
  `^\\| ${UTC_MINUTE} \\| .+ \\| \`[^\`]+\` run \\d+ \\| ${UTC_MINUTE} \\| \\[report\\]\\([^)]*\\) \\|$`,
);

/** The rows of the tables Red and Green. */
export function standingsOf(lines: readonly string[]): Standing[] {
  let colour: Standing['colour'] | null = null;
  const found: Standing[] = [];
  for (const line of lines) {
    if (line.startsWith('## ')) colour = line === '## Red' ? 'red' : line === '## Green' ? 'green' : null;
    const [since, what, run, ended, report] = ROW.test(line) ? cellsOf(line) : [];
    if (colour && since && what && run && ended && report)
      found.push({ colour, since, what, run, ended, report });
  }
  return found;
}

/**
 * The standings after one more run. `rows`: the cells of all listed runs, the newest first, this one among
 * them. A run that was cancelled tells nothing. What came late changes nothing that is newer.
 */
export function foldRun(
  before: readonly Standing[],
  rows: readonly (readonly string[])[],
  run: readonly string[],
): Standing[] {
  const what = run[4] ?? '';
  const known = before.find((one) => one.what === what);
  // A corrected verdict: what was said after this run is void.
  const past = known?.run === nameOf(run) ? undefined : known;
  const own = rows.filter((row) => row[4] === what && colourOf(row) !== null);
  const standing = standingOf(own, past);
  const all = [...before.filter((one) => one.what !== what), ...(standing ? [standing] : [])];
  return keep(all);
}

function standingOf(own: readonly (readonly string[])[], past: Standing | undefined): Standing | undefined {
  const [head] = own;
  const colour = head && colourOf(head);
  if (!head || !colour) return past;
  const flip = own.findIndex((row) => colourOf(row) !== colour);
  const first = own[(flip < 0 ? own.length : flip) - 1] ?? head;
  const since = first[0] ?? '';
  const [ended = '', , , , what = '', , report = ''] = head;
  if (past && past.ended > ended) return past;
  const sameBefore = flip < 0 && past?.colour === colour && past.since < since;
  return { colour, since: sameBefore ? past.since : since, what, run: nameOf(head), ended, report };
}

function keep(all: readonly Standing[]): Standing[] {
  const newest = all.reduce((time, { ended }) => (ended > time ? ended : time), '');
  const oldest = timeOf(newest) - OLD_MS;
  const sorted = all
    .filter(({ ended }) => timeOf(ended) >= oldest)
    .toSorted((a, b) => (a.ended === b.ended ? (a.what < b.what ? -1 : 1) : a.ended < b.ended ? 1 : -1));
  const of = (colour: Standing['colour']) =>
    sorted.filter((one) => one.colour === colour).slice(0, STANDINGS_MAX);
  return [...of('red'), ...of('green')];
}

const timeOf = (minute: string) => Date.parse(minute.replace(' UTC', 'Z').replace(' ', 'T'));

function nameOf(row: readonly string[]): string {
  return `${row[1]} run ${row[2]}`;
}

function colourOf(row: readonly string[]): Standing['colour'] | null {
  const verdict = row[3]?.split(' ')[1];
  if (verdict === 'succeeded') return 'green';
  return verdict === 'failed' || verdict === 'lost' ? 'red' : null;
}
