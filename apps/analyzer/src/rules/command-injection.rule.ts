import { bare, callsOf, isBuiltText, isConstant, option } from '../engine/code-queries';
import type { CodeRule } from './rule';

const NODE_SHELL = /(?:^|\.|_)(?:exec|execSync)$/;
const NODE_NOT =
  /(?:regex|regexp|re|pattern|match|matcher|query|db|database|client|pool|stmt|statement|cursor|conn|connection|redis|pipeline|multi|_re|rx)\.exec(?:Sync)?$|\/\.exec$/i;
const NODE_SPAWN = /(?:^|\.)(?:spawn|spawnSync|execFile|execFileSync|fork|execa|\$)$/;
const PYTHON_SHELL = /^(?:os\.(?:system|popen)|commands\.getoutput|subprocess\.(?:getoutput|getstatusoutput))$/;
const PYTHON_RUN = /^(?:subprocess\.)?(?:run|call|Popen|check_output|check_call)$|create_subprocess_shell$/;

/** A text that a shell reads must not hold parts from elsewhere. */
export const commandInjection: CodeRule = {
  id: 'security/command-injection',
  family: 'security',
  target: 'code',
  title: 'A shell command is put together from parts',
  level: 'error',
  confidence: 'high',
  languages: ['javascript', 'typescript', 'tsx', 'python'],
  explanation:
    'A shell runs whatever its text says: a part such as "; rm -rf ~" becomes a command of its own. Pass the program and its arguments as a list and without a shell (execFile, spawn without `shell`, subprocess.run with a list).',
  cwe: [78],
  owasp: ['A03', 'MCP05'],
  *check(file) {
    const { tree, language } = file;
    const usesChild = /child_process|execa|shelljs|promisify\(\s*exec/.test(tree.source);
    for (const { node, callee, args } of callsOf(file)) {
      const [first] = args;
      if (first === undefined) continue;
      if (language === 'python') {
        const shell = option(tree, args, 'shell');
        const inShell =
          PYTHON_SHELL.test(callee) ||
          callee.endsWith('create_subprocess_shell') ||
          (PYTHON_RUN.test(callee) && shell >= 0 && tree.text(shell) === 'True');
        if (inShell && !isConstant(file, first))
          yield {
            node,
            message: `${callee} runs a text that is not fixed in a shell`,
            confidence: isBuiltText(file, first) ? 'high' : 'medium',
          };
        continue;
      }
      if (!usesChild) continue;
      const shell = option(tree, args, 'shell');
      const inShell =
        (NODE_SHELL.test(callee) && !NODE_NOT.test(callee) && tree.type(bare(tree, first)) !== 'regex') ||
        (NODE_SPAWN.test(callee) && shell >= 0 && tree.text(shell) !== 'false');
      if (inShell && isBuiltText(file, first))
        yield { node, message: `${callee} runs a text that is put together in a shell` };
      else if (inShell && !isConstant(file, first) && tree.type(bare(tree, first)) === 'identifier')
        yield { node, message: `${callee} runs a text from elsewhere in a shell`, confidence: 'medium' };
    }
  },
  examples: {
    bad: [
      {
        language: 'javascript',
        code: "const { exec } = require('child_process');\nfunction f(name) { exec(`ls ${name}`); }",
      },
      {
        language: 'typescript',
        code: "import { spawn } from 'node:child_process';\nexport const f = (a: string) => spawn('git log ' + a, { shell: true });",
      },
      {
        language: 'typescript',
        code: "import cp from 'node:child_process';\nfunction f(dir: string) { const command = `du ${dir}`; return cp.execSync(command); }",
      },
      { language: 'python', code: 'import os\ndef f(name):\n    os.system("ping " + name)\n' },
      { language: 'python', code: 'import subprocess\ndef f(cmd):\n    return subprocess.run(cmd, shell=True)\n' },
      {
        language: 'python',
        code: 'import subprocess\ndef f(d):\n    return subprocess.check_output(f"ls {d}", shell=True)\n',
      },
    ],
    good: [
      {
        language: 'javascript',
        code: "const { execFile, exec } = require('child_process');\nfunction f(name) { execFile('ls', [name]); exec('git status'); }",
      },
      { language: 'typescript', code: 'const re = /a(b)/;\nexport const f = (s: string) => re.exec(`x ${s}`);' },
      { language: 'python', code: 'import subprocess\ndef f(d):\n    return subprocess.run(["ls", d], check=True)\n' },
      { language: 'python', code: 'import os\nos.system("clear")\n' },
    ],
  },
};
