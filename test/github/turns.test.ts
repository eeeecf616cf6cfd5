import { describe, expect, it } from 'vitest';
import { createTurns } from '../../src/github/turns.ts';

const never = new AbortController().signal;

describe('turns', () => {
  it('are taken one after another under one key, and beside those of another', async () => {
    const turns = createTurns();
    const said: string[] = [];
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const first = turns.take('a', never, async () => {
      said.push('first begins');
      await gate;
      said.push('first ends');
    });
    const second = turns.take('a', never, async () => said.push('second'));
    await turns.take('b', never, async () => said.push('other'));
    open();
    await Promise.all([first, second]);
    expect(said).toEqual(['first begins', 'other', 'first ends', 'second']);
  });

  it('go on after one that failed or was given up', async () => {
    const turns = createTurns();
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const abort = new AbortController();
    const failed = turns.take('a', never, async () => {
      await gate;
      throw new Error('no');
    });
    let ran = false;
    const given = turns.take('a', abort.signal, async () => {
      ran = true;
    });
    const last = turns.take('a', never, async () => 'done');
    abort.abort(new Error('stopped'));
    open();
    await expect(failed).rejects.toThrow('no');
    await expect(given).rejects.toThrow('stopped');
    expect(await last).toBe('done');
    expect(ran).toBe(false);
  });
});
