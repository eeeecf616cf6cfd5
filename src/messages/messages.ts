import type { Language } from './detect-language.ts';
import { en, type Messages } from './en.ts';
import { ja } from './ja.ts';

export type { Messages };

/** Text parameters are given raw: the catalogue puts names in code and neutralises sentences. */
export function messagesFor(language: Language): Messages {
  return language === 'ja' ? ja : en;
}
