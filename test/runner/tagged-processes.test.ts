import { expect, it } from 'vitest';
import { parsePs } from '../../src/runner/tagged-processes.ts';

it("finds the tag in what ps -E prints on macOS, and no other run's", () => {
  const text = [
    '  501 /bin/sleep 600 PATH=/bin GURUGURU_RUN=run-1 HOME=/Users/a',
    '  502 /bin/sleep 600 PATH=/bin GURUGURU_RUN=run-12 HOME=/Users/a',
    '  503 bash -c x GURUGURU_RUN=run-1',
    '  504 vi NOT_GURUGURU_RUN=run-1 x',
    '',
  ].join('\n');
  expect(parsePs(text, 'run-1')).toEqual([501, 503]);
});
