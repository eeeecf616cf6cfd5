import { expect, it } from 'vitest';
import { type AskFacts, nextAsk } from '../../src/ask/next-ask.ts';
import { createRandom, type Random } from '../support/simulation/random.ts';

const SEEDS = 10_000;

/** What an effect does to the ask. */
function after(f: AskFacts, effect: string, random: Random): AskFacts {
  switch (effect) {
    case 'check_permission':
      return { ...f, mayAsk: random.chance(0.7) };
    case 'accept':
      return { ...f, state: 'accepted' };
    case 'plan':
      return { ...f, state: 'planned', plan: random.pick(['job', 'answer', 'question', 'refusal']) };
    case 'propose':
      return { ...f, state: 'proposed' };
    case 'refuse':
    case 'cancel':
    case 'reply':
      return { ...f, state: 'ended' };
    default:
      return { ...f, state: 'ignored' };
  }
}

it(`brings each ask to one end, or to the gate, in ${SEEDS} histories`, () => {
  const ends = new Map<string, number>();
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const random = createRandom(seed);
    let facts: AskFacts = {
      state: 'received',
      word: random.pick(['/ask', '/ask', '/ask', '/deploy']),
      trigger: '/ask',
      body: random.pick(['do it', 'do it', '']),
      bytes: random.pick([10, 10, 70_000]),
      edited: random.chance(0.1),
      botUnnamed: false,
      paused: false,
      pauseTold: false,
      withinCap: true,
      repositoryActive: random.chance(0.9),
      settingsOk: random.chance(0.9),
      mayAsk: null,
      cancelled: false,
      plan: null,
    };
    const done: string[] = [];
    let told = 0;
    for (let step = 0; ; step += 1) {
      if (step > 40) throw new Error(`seed ${seed} does not end: ${done.join(', ')}`);
      if (random.chance(0.1)) facts = { ...facts, cancelled: true };
      const next = nextAsk(facts);
      if (!('do' in next)) {
        const last = 'end' in next ? `end ${next.end}` : `wait ${next.wait}`;
        ends.set(last, (ends.get(last) ?? 0) + 1);
        break;
      }
      if (done.at(-1) === 'cancel' || facts.state === 'ended')
        throw new Error(`seed ${seed} goes on after its end: ${done.join(', ')}, ${next.do}`);
      if ((next.do === 'plan' || next.do === 'propose') && (facts.cancelled || facts.mayAsk !== true))
        throw new Error(`seed ${seed}: ${next.do} although cancelled or not allowed`);
      // The app dies at any place: what was not written down is due again, and nothing else.
      if (random.chance(0.2)) {
        expect(nextAsk(facts)).toEqual(next);
        continue;
      }
      done.push(next.do);
      if (['refuse', 'reply', 'cancel'].includes(next.do)) told += 1;
      facts = after(facts, next.do, random);
    }
    if (told > 1) throw new Error(`seed ${seed} was answered ${told} times: ${done.join(', ')}`);
    if (new Set(done).size !== done.length)
      throw new Error(`seed ${seed} did something twice: ${done.join(', ')}`);
  }
  expect([...ends.keys()].sort()).toEqual(['end ended', 'end ignored', 'wait gate']);
});
