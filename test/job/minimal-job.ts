/** The job of issue 2, which must be valid everywhere unchanged. */
export const MINIMAL = {
  id: '2025-11-22-001',
  kind: 'run_shell',
  workdir: '/workspace/vpm-mini',
  script: ['git pull --ff-only', 'pytest tests/smoke/test_foo.py'],
  dod: 'exit_code == 0',
  report_path: 'reports/jobs/2025-11-22-001.out',
} as const;

export const MINIMAL_TEXT = `{ "id": "2025-11-22-001", "kind": "run_shell", "workdir": "/workspace/vpm-mini",
  "script": ["git pull --ff-only", "pytest tests/smoke/test_foo.py"],
  "dod": "exit_code == 0", "report_path": "reports/jobs/2025-11-22-001.out" }
`;

export const MINIMAL_PATH = 'jobs/queue/2025-11-22-001.json';
