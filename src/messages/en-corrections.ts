import { code, codeCell, link, paragraphs, quote } from './markdown.ts';
import { neutraliseInline } from './neutralise.ts';
import { clip } from './plain-text.ts';

interface Correction {
  path: string;
  passage: string;
  why: string;
  jobId: string;
  report: string;
  reportUrl: string;
  model: string;
}

/** The pull request that proposes to correct a line of STATE or the docs. */
export const enCorrections = {
  correctionTitle: (p: { path: string; jobId: string }) =>
    `guruguru: does ${neutraliseInline(clip(p.path, 100))} still hold? ${p.jobId} says otherwise`,
  correctionBody: (p: Correction) =>
    paragraphs(
      `**A model's reading, not a finding** (${code(p.model)}). It was shown this file and the result of ${code(p.jobId)}, which serves it, and takes this line of ${code(p.path)} to be contradicted:`,
      quote(clip(p.passage, 1_000)),
      neutraliseInline(clip(p.why, 600)),
      `**Evidence:** ${link(codeCell(p.report), p.reportUrl)}`,
      '**You decide.** Merge it, change it, or close it. Closed, it is not opened again for this line and the same job.',
    ),
};
