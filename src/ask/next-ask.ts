import type { ReasonCode } from '../messages/reasons.ts';
import type { AskState } from '../store/tables.ts';

/** What is known when an ask is looked at. */
export interface AskFacts {
  state: AskState;
  /** The word that opens the text, lower case with its slash. */
  word: string;
  /** The text after it. */
  body: string;
  /** Of the whole text as it arrived, UTF-8. */
  bytes: number;
  edited: boolean;
  repositoryActive: boolean;
  /** It is by a bot, and the policy does not name it. */
  botUnnamed: boolean;
  settingsOk: boolean;
  trigger: string;
  /** The repository is paused; `pauseTold`: the asker knows. */
  paused: boolean;
  pauseTold: boolean;
  /** Whether it is within the asker's asks of the day; null: not counted yet. */
  withinCap: boolean | null;
  /** null: GitHub was not asked yet. */
  mayAsk: boolean | null;
  /** Somebody said `/cancel`. */
  cancelled: boolean;
  /** The plan in force, null before planning. */
  plan: 'job' | 'goal' | 'schedule' | 'answer' | 'question' | 'refusal' | null;
}

/** A comment on GitHub holds at most 65,536 characters; this is that limit in bytes. */
export const MAX_ASK_BYTES = 64 * 1024;

export type AskEffect =
  | { do: 'ignore' }
  | { do: 'check_permission' }
  | {
      do: 'refuse';
      reason: Extract<
        ReasonCode,
        'no_permission' | 'edit_not_read' | 'ask_empty' | 'ask_too_long' | 'settings_invalid' | 'cap_reached'
      >;
    }
  | { do: 'count' }
  | { do: 'tell_paused' }
  | { do: 'accept' }
  | { do: 'cancel' }
  | { do: 'plan' }
  | { do: 'propose' }
  | { do: 'reply' }
  | { wait: 'gate' | 'resume' }
  | { end: 'ended' | 'ignored' };

/** What is due for an ask. Pure: a webhook, a restart and a retry come to the same next step. */
export function nextAsk(f: AskFacts): AskEffect {
  switch (f.state) {
    case 'ended':
    case 'ignored':
      return { end: f.state };
    case 'received':
      if (!f.repositoryActive || f.word !== f.trigger || f.botUnnamed) return { do: 'ignore' };
      if (f.mayAsk === null) return { do: 'check_permission' };
      if (!f.mayAsk) return { do: 'refuse', reason: 'no_permission' };
      if (f.edited) return { do: 'refuse', reason: 'edit_not_read' };
      if (f.body === '') return { do: 'refuse', reason: 'ask_empty' };
      if (f.bytes > MAX_ASK_BYTES) return { do: 'refuse', reason: 'ask_too_long' };
      if (!f.settingsOk) return { do: 'refuse', reason: 'settings_invalid' };
      if (f.withinCap === null) return { do: 'count' };
      if (!f.withinCap) return { do: 'refuse', reason: 'cap_reached' };
      if (f.paused) return f.pauseTold ? { wait: 'resume' } : { do: 'tell_paused' };
      return { do: 'accept' };
    case 'accepted':
      if (f.cancelled) return { do: 'cancel' };
      return f.paused ? { wait: 'resume' } : { do: 'plan' };
    case 'planned':
      if (f.cancelled) return { do: 'cancel' };
      return f.plan === 'job' || f.plan === 'goal' || f.plan === 'schedule'
        ? { do: 'propose' }
        : { do: 'reply' };
    case 'proposed':
    case 'queued':
      return { wait: 'gate' };
  }
}
