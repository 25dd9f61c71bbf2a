import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { folderOf } from '../testing/project';
import { packageFolder } from './corpus';

export interface Fragment {
  path: string;
  line: number;
  endLine: number;
}

/** The pairs of equal passages that jscpd finds in JavaScript, comments left out of account. */
export function jscpdClones(files: Readonly<Record<string, string>>, minTokens = 50): [Fragment, Fragment][] {
  const folder = folderOf(files);
  try {
    const options = {
      '--reporters': 'json',
      '--output': join(folder.path, 'report'),
      '--min-tokens': String(minTokens),
      '--min-lines': '5',
      '--max-lines': '100000',
      '--max-size': '10mb',
      '--format': 'javascript',
      '--mode': 'weak',
    };
    execFileSync(
      process.execPath,
      [join(packageFolder('jscpd'), 'bin/jscpd'), '--silent', ...Object.entries(options).flat(), folder.path],
      { stdio: 'ignore' },
    );
    interface Side {
      name: string;
      startLoc: { line: number };
      endLoc: { line: number };
    }
    const { duplicates } = JSON.parse(readFileSync(join(folder.path, 'report/jscpd-report.json'), 'utf8')) as {
      duplicates: { firstFile: Side; secondFile: Side }[];
    };
    const fragment = ({ name, startLoc, endLoc }: Side): Fragment => ({
      path: Object.keys(files).find((path) => name.endsWith(`/${path}`)) ?? name,
      line: startLoc.line,
      endLine: endLoc.line,
    });
    return duplicates.map(({ firstFile, secondFile }) => [fragment(firstFile), fragment(secondFile)]);
  } finally {
    folder.remove();
  }
}
