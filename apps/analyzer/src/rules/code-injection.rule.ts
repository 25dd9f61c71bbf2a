import { callsOf, isConstant } from '../engine/code-queries';
import type { CodeRule } from './rule';

const SCRIPT =
  /^(?:eval|Function|globalThis\.eval|window\.eval|vm\.(?:runInNewContext|runInThisContext|runInContext|Script|compileFunction))$/;
const PYTHON = /^(?:eval|exec|compile|builtins\.(?:eval|exec))$/;

/** Text that is run as code. */
export const codeInjection: CodeRule = {
  id: 'security/code-injection',
  family: 'security',
  target: 'code',
  title: 'A text is run as code',
  level: 'error',
  confidence: 'high',
  languages: ['javascript', 'typescript', 'tsx', 'python'],
  explanation:
    'eval, Function, vm and exec run whatever the text says, with all rights of the process. Parse the data (JSON.parse, ast.literal_eval), or choose among functions by name.',
  cwe: [95],
  owasp: ['A03', 'MCP05'],
  *check(file) {
    for (const { node, callee, args } of callsOf(file)) {
      const [first] = args;
      if (first === undefined || !(file.language === 'python' ? PYTHON : SCRIPT).test(callee)) continue;
      if (callee === 'compile' && args.length < 3) continue;
      if (!args.every((arg) => isConstant(file, arg)))
        yield { node, message: `${callee} runs a text that is not fixed` };
    }
  },
  examples: {
    bad: [
      { language: 'javascript', code: 'function f(text) { return eval(text); }' },
      { language: 'typescript', code: "export const f = (body: string) => new Function('x', body);" },
      { language: 'python', code: 'def f(expression):\n    return eval(expression)\n' },
      { language: 'python', code: 'def f(code):\n    exec(code, {})\n' },
    ],
    good: [
      { language: 'javascript', code: "const root = Function('return this');\nconst value = JSON.parse(text);" },
      {
        language: 'python',
        code: 'import ast, re\ndef f(text):\n    return ast.literal_eval(text), re.compile(text)\n',
      },
    ],
  },
};
