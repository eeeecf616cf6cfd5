export type Language = 'en' | 'ja';

/**
 * `ja` when kana are present outside code fences, else `en`. Kanji alone decide nothing: they are Chinese as
 * often, and every Japanese sentence has kana. Code is left out because a log says nothing about its asker.
 */
export function detectLanguage(text: string): Language {
  return /[\u3041-\u3096\u30A1-\u30FA\uFF66-\uFF9D]/.test(outsideFences(text)) ? 'ja' : 'en';
}

function outsideFences(text: string): string {
  let open: string | null = null;
  const prose: string[] = [];
  for (const line of text.split('\n')) {
    const run = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1];
    if (open !== null) {
      if (run?.startsWith(open)) open = null;
    } else if (run) open = run;
    else prose.push(line);
  }
  return prose.join('\n');
}
