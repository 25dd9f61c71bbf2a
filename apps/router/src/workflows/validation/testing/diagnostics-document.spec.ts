import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { diagnosticsDocument } from './diagnostics-document';

describe('docs/workflow-diagnostics.md', () => {
  it('lists every diagnostic as the code knows it', () => {
    const file = join(__dirname, '../../../../../../docs/workflow-diagnostics.md');
    expect(readFileSync(file, 'utf8')).toBe(diagnosticsDocument());
  });
});
