import { describe, expect, it } from 'vitest';
import { detectLanguage } from '../../src/messages/detect-language.ts';

describe('detectLanguage', () => {
  it.each([
    ['run the tests', 'en'],
    ['', 'en'],
    ['テストを流して', 'ja'],
    ['please fix テスト', 'ja'],
    ['ﾃｽﾄ', 'ja'],
    ['请运行测试', 'en'],
    ['run this\n```sh\necho こんにちは\n```', 'en'],
    ['```sh\nmake\n```\nお願いします', 'ja'],
    ['````\n```\nひらがな\n````', 'en'],
    ['日本語・中黒', 'en'],
  ] as const)('%j is %s', (text, language) => {
    expect(detectLanguage(text)).toBe(language);
  });
});
