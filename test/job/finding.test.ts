import { expect, it } from 'vitest';
import { renderFinding } from '../../src/job/finding.ts';

it('renders a finding on one line that editors can follow', () => {
  const finding = {
    rule: 'job/field',
    severity: 'failure' as const,
    path: 'jobs/queue/2025-11-22-001.json',
    line: 3,
    column: 14,
    field: 'timeout_minutes',
    message: '`timeout_minutes` is 0: use 1 to 720',
  };
  expect(renderFinding(finding)).toBe(
    'jobs/queue/2025-11-22-001.json:3:14  failure  `timeout_minutes` is 0: use 1 to 720 (job/field)',
  );
});
