import { type Diagnostic, type DiagnosticCode, DIAGNOSTICS, type Severity } from '../diagnostics';

const GROUPS: readonly [digit: string, title: string][] = [
  ['1', 'Structure'],
  ['2', 'Flow'],
  ['3', 'Names and expressions'],
  ['4', 'The live catalogue'],
  ['5', 'Types'],
  ['6', 'Safety'],
];

const INTRODUCTION = `# Diagnostics of workflows

\`POST /api/v1/workflows/validate\` answers \`{ valid, diagnostics }\` and never fails because of what is in a definition. A diagnostic has a \`code\`, a \`severity\`,
a \`message\` about this very case, the JSON \`pointer\` of the place, a \`hint\` about what to do and \`related\` places; for text also \`line\` and \`column\`.
They come in the order of the definition. Errors keep a workflow from being published and from running; warnings and infos do not.

Arguments of tools are checked against the live input schema: values without expressions exactly, expressions by the types of what they read.
An expression that can *never* fit is an error, one that *may not* fit is a warning, one whose type is not known says nothing.

This table is written from \`apps/router/src/workflows/validation/diagnostics.ts\`; a test keeps the two the same.
`;

/** The text of docs/workflow-diagnostics.md. */
export function diagnosticsDocument(): string {
  const codes = Object.entries(DIAGNOSTICS) as [
    DiagnosticCode,
    { severity: Severity; title: string; hint: Diagnostic['hint'] },
  ][];
  const groups = GROUPS.map(([digit, title]) => {
    const rows = codes
      .filter(([code]) => code.startsWith(`WF${digit}`))
      .map(([code, { severity, title: what, hint }]) => `| ${code} | ${severity} | ${cell(what)} | ${cell(hint)} |`);
    return `## ${title}\n\n| code | severity | what | what to do |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`;
  });
  return [INTRODUCTION, ...groups].join('\n');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
