import { describe, expect, it } from 'vitest';
import { endHealth, type Health, observe, parseHealth } from '../../src/schedule/health.ts';

const KINDS = { o: 'ok', b: 'bad', m: 'missing', c: 'none' } as const;

/** What is said after each of the observations; `.` for nothing. */
function said(letters: string): string {
  let health = parseHealth(null);
  return [...letters]
    .map((letter, index) => {
      const kind = KINDS[letter as keyof typeof KINDS];
      const next = observe({ ...health, pending: [] }, { kind, tick: `t${index}`, at: index });
      health = next.health;
      return health.pending.map((word) => word.kind).join('+') || '.';
    })
    .join(' ');
}

describe('what is said of results', () => {
  it.each([
    ['ooo', '. . .', 'nothing while all is well'],
    ['obo', '. failed recovered', 'each change, once'],
    ['b', 'failed', 'a first result that is bad'],
    ['bbb', 'failed . .', 'not that it is still so'],
    ['ommo', '. missing . recovered', 'a run that is missing, once, and its end'],
    ['omb', '. missing failed', 'what it came to then'],
    ['bmb', 'failed missing .', 'and not what was said before'],
    ['oco', '. . .', 'nothing of what a person cancelled'],
    ['obobob', '. failed recovered failed flaps .', 'that it flaps, and then no change'],
    ['oboboboooo', '. failed recovered failed flaps . . . . recovered', 'but that it holds again'],
    ['obobobbbb', '. failed recovered failed flaps . . . failed', 'whichever it is'],
    ['obobom', '. failed recovered failed flaps .', 'nothing missing while it flaps'],
    ['boooooooob', 'failed recovered . . . . . . . failed', 'changes that are far apart'],
  ])('%s: %s (%s)', (letters, words) => {
    expect(said(letters)).toBe(words);
  });

  it('is recorded at once where it changed', () => {
    const after = (letters: string): boolean => {
      let health: Health = parseHealth(null);
      let flipped = false;
      for (const letter of letters)
        ({ health, flipped } = observe(health, {
          kind: KINDS[letter as keyof typeof KINDS],
          tick: 't',
          at: 1,
        }));
      return flipped;
    };
    expect(['o', 'b', 'ob', 'bo', 'bb', 'om', 'mo', 'oc'].map(after)).toEqual([
      false,
      true,
      true,
      true,
      false,
      true,
      true,
      false,
    ]);
  });

  it('knows since when it is so', () => {
    let health = parseHealth(null);
    for (const [at, kind] of [
      [1, 'ok'],
      [2, 'bad'],
      [3, 'bad'],
      [4, 'missing'],
      [5, 'bad'],
    ] as const)
      health = observe(health, { kind, tick: `t${at}`, at }).health;
    expect(health).toMatchObject({ result: 'bad', since: 2, missing: false, last: 't5' });
  });

  it('ends with its schedule, where an issue waits', () => {
    const open = parseHealth('{"open":true,"last":"t1"}');
    const ended = endHealth(open, 9);
    expect(ended.pending).toEqual([{ kind: 'removed', tick: 't1', at: 9 }]);
    expect(endHealth(ended, 10)).toBe(ended);
    expect(endHealth(parseHealth(null), 9).pending).toEqual([]);
  });

  it('begins anew where what is stored is no health', () => {
    expect(parseHealth('nonsense')).toEqual(parseHealth(null));
    expect(parseHealth('{"result":"fine"}')).toEqual(parseHealth(null));
  });
});
