import { describe, expect, it } from 'vitest';
import { HELP, parseOptions } from '../../chaos/options.ts';

describe('npm run chaos', () => {
  it('has defaults for everything', () => {
    expect(parseOptions([])).toEqual({
      kind: 'run',
      options: { seed: 1, asks: 100, runners: 3, minutes: 3, store: 'sqlite', json: false },
    });
  });

  it.each([
    [['--seed', 'x'], '--seed'],
    [['--asks', '0'], '--asks'],
    [['--runners', '1.5'], '--runners'],
    [['--minutes', '-1'], '--minutes'],
    [['--store', 'mysql'], '--store'],
    [['--speed', '9'], '--speed'],
  ])('%j is refused by name', (args, name) => {
    expect(parseOptions(args)).toMatchObject({ kind: 'wrong', message: expect.stringContaining(name) });
  });

  it('names every flag in its help', () => {
    expect(parseOptions(['--help'])).toEqual({ kind: 'help' });
    for (const flag of ['seed', 'asks', 'runners', 'minutes', 'store', 'json'])
      expect(HELP).toContain(`--${flag}`);
  });
});
