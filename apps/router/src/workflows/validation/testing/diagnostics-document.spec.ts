import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { diagnosticsDocument } from './diagnostics-document';

describe('docs/workflow-diagnostics.md', () => {
  it('lists every diagnostic as the code knows it', () => {
    const file = join(__dirname, '../../../../../../docs/workflow-diagnostics.md');
    expect(words(readFileSync(file, 'utf8'))).toBe(words(diagnosticsDocument()));
  });
});

/** The text without what a formatter may change: the width of columns and the marks of emphasis. */
function words(text: string): string {
  return text.replace(/[*_]/g, '').replace(/-{3,}/g, '---').replace(/ +/g, ' ').trim();
}
