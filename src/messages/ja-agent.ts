import type { ChangeCode } from '../job/change/judge-change.ts';
import type { enAgent } from './en-agent.ts';
import { formatTime } from './format.ts';
import { code, link } from './markdown.ts';
import { neutraliseInline } from './neutralise.ts';

const KEPT: Record<ChangeCode, string> = {
  protected_path: 'エージェントは `.github/`、`jobs/`、`reports/`、`.gitmodules` を変更できません',
  path_not_allowed: '設定の `agent.paths` で許可されていません',
  unsafe_path: '安全でないパスがあります',
  binary: 'バイナリファイルがあります',
  symlink: 'シンボリックリンクがあります',
  submodule: 'サブモジュールがあります',
  too_many_files: 'ファイルが多すぎます',
  too_large: '大きすぎます',
  secret: '秘密情報らしきものが含まれるため、どこにも公開しません',
  unreadable: '読み取れませんでした',
  not_succeeded: '実行が成功していません',
  no_app: 'PR を開くアプリがありません',
  base_unknown: '元になったコミットがデフォルトブランチにありません',
  base_differs: '元になったコミットに合いません',
  refused: 'GitHub に拒否されました',
};

export const jaAgent: typeof enAgent = {
  statusAsleep: () => '💤 スリープ中',
  checkAsleep: (p) => `${neutraliseInline(p.runner)} はスリープ中です。起きるとジョブの続きが進みます`,
  runnerAsleep: (p) =>
    `💤 ${code(p.runner)} は ${formatTime(p.since, p.timeZone)} からスリープ中です。起きるとジョブの続きが進みます。15 分間応答がなければ不明（lost）となりますが、後から届いた結果は採用します。`,
  linkChange: (p) => `変更: PR #${p.number}`,
  replyAgentSays: () => 'エージェントからの報告:',
  changeBecame: ({ change }) => {
    if (change.state === 'none') return '変更されたファイルはありません。';
    if (change.state === 'due') return '変更の PR を開いています。';
    if (change.state === 'proposed')
      return `変更は ${link(`PR #${change.pull}`, change.url)} です。確認してマージするか、閉じてください。`;
    const detail = change.detail ? `（${neutraliseInline(change.detail.slice(0, 300))}）` : '';
    const where = change.url ? `内容は${link('差分', change.url)}に残しています。` : '';
    return `変更は提案しませんでした: ${KEPT[change.code]}${detail}。${where}`;
  },
  changeIntro: (p) => {
    const asked =
      p.login === null
        ? ''
        : `（${p.url ? link(`${p.login} さんの依頼`, p.url) : `${code(p.login)} さんの依頼`}）`;
    return `**エージェント（Codex）による変更です。** ジョブ ${link(code(p.jobId), p.jobUrl)}${asked}で作られ、まだ誰も確認していません。`;
  },
  changeBase: (p) =>
    `${code(p.base.slice(0, 12))} に対する ${p.files} ファイルの変更で、エージェントが残したままの内容です。`,
  changeDecide: () =>
    '人が書いた変更と同じように確認し、マージするか閉じてください。ジョブで `/retry` とすると作り直します。',
};
