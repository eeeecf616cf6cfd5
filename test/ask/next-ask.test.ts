import { describe, expect, it } from 'vitest';
import { type AskFacts, MAX_ASK_BYTES, nextAsk } from '../../src/ask/next-ask.ts';

const heard: AskFacts = {
  state: 'received',
  word: '/ask',
  body: 'run the tests',
  bytes: 18,
  edited: false,
  repositoryActive: true,
  botUnnamed: false,
  paused: false,
  pauseTold: false,
  withinCap: true,
  settingsOk: true,
  trigger: '/ask',
  mayAsk: true,
  cancelled: false,
  plan: null,
};

describe('nextAsk', () => {
  it.each<[string, Partial<AskFacts>, object]>([
    ['another bot command is none of ours', { word: '/deploy' }, { do: 'ignore' }],
    ['the trigger word is the configured one', { word: '/ask', trigger: '/guru' }, { do: 'ignore' }],
    ['nothing can be written to an archived repository', { repositoryActive: false }, { do: 'ignore' }],
    ['permission is asked first', { mayAsk: null }, { do: 'check_permission' }],
    ['a reader is refused', { mayAsk: false }, { do: 'refuse', reason: 'no_permission' }],
    [
      'a reader learns nothing of the settings',
      { mayAsk: false, settingsOk: false },
      { do: 'refuse', reason: 'no_permission' },
    ],
    ['an edit is not read', { edited: true }, { do: 'refuse', reason: 'edit_not_read' }],
    ['an empty ask', { body: '' }, { do: 'refuse', reason: 'ask_empty' }],
    ['64 KiB is still read', { bytes: MAX_ASK_BYTES }, { do: 'accept' }],
    ['one byte more is not', { bytes: MAX_ASK_BYTES + 1 }, { do: 'refuse', reason: 'ask_too_long' }],
    ['a mistake in the settings', { settingsOk: false }, { do: 'refuse', reason: 'settings_invalid' }],
    ['all is well', {}, { do: 'accept' }],
    ['accepted', { state: 'accepted' }, { do: 'plan' }],
    ['cancelled while it is planned', { state: 'accepted', cancelled: true }, { do: 'cancel' }],
    ['cancelled with a plan', { state: 'planned', plan: 'job', cancelled: true }, { do: 'cancel' }],
    ['cancelled with a PR: the gate ends it', { state: 'proposed', cancelled: true }, { wait: 'gate' }],
    ['planned a job', { state: 'planned', plan: 'job' }, { do: 'propose' }],
    ['planned an answer', { state: 'planned', plan: 'answer' }, { do: 'reply' }],
    ['planned a question', { state: 'planned', plan: 'question' }, { do: 'reply' }],
    ['planned a refusal', { state: 'planned', plan: 'refusal' }, { do: 'reply' }],
    ['proposed', { state: 'proposed', plan: 'job' }, { wait: 'gate' }],
    ['queued', { state: 'queued', plan: 'job' }, { wait: 'gate' }],
    ['ended', { state: 'ended' }, { end: 'ended' }],
    ['ignored', { state: 'ignored' }, { end: 'ignored' }],
  ])('%s', (_, facts, expected) => {
    expect(nextAsk({ ...heard, ...facts })).toEqual(expected);
  });
});
