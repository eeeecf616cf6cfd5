/** What one check found. `unknown`: there was no permission, or nothing to look at. */
export interface DoctorFinding {
  check: string;
  level: 'ok' | 'warning' | 'failure' | 'unknown';
  /** What is so. */
  message: string;
  /** What to do; absent when all is well. */
  remedy?: string;
}

export const ok = (check: string, message: string): DoctorFinding => ({ check, level: 'ok', message });
export const warning = (check: string, message: string, remedy: string): DoctorFinding => ({
  check,
  level: 'warning',
  message,
  remedy,
});
export const failure = (check: string, message: string, remedy: string): DoctorFinding => ({
  check,
  level: 'failure',
  message,
  remedy,
});
export const unknown = (check: string, message: string, remedy: string): DoctorFinding => ({
  check,
  level: 'unknown',
  message,
  remedy,
});
