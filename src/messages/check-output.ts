import type { Messages } from './en.ts';

/**
 * A button on a check run; it comes back as `requested_action.identifier`. GitHub's limits: at most 3, label
 * and identifier 20 characters, description 40.
 * https://docs.github.com/en/rest/checks/runs#create-a-check-run
 */
export interface CheckAction {
  label: string;
  identifier: 'approve' | 'cancel' | 'retry';
  description: string;
}

/** What both kinds of check run show; `text` below the summary. */
export interface CheckOutput {
  title: string;
  summary: string;
  text?: string;
  actions: CheckAction[];
}

export function approveAction(m: Messages): CheckAction {
  return { label: m.actionApprove(), identifier: 'approve', description: m.actionApproveWhat() };
}

export function cancelAction(m: Messages): CheckAction {
  return { label: m.actionCancel(), identifier: 'cancel', description: m.actionCancelWhat() };
}

export function retryAction(m: Messages): CheckAction {
  return { label: m.actionRetry(), identifier: 'retry', description: m.actionRetryWhat() };
}
