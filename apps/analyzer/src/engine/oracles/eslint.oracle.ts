import { Linter, type Rule } from 'eslint';
import sonarjs from 'eslint-plugin-sonarjs';
import { builtinRules } from 'eslint/use-at-your-own-risk';
import { parser as typescriptParser } from 'typescript-eslint';

/** A function as the oracle saw it; `key` is where its parameters or its text begin, which both sides can name. */
export interface OracleFunction {
  key: string;
  line: number;
  cyclomatic: number;
  cognitiveSonar: number;
}

interface Located {
  type: string;
  range: [number, number];
  loc: { start: { line: number } };
}

type Figures = Map<string, Omit<OracleFunction, 'key'>>;

/** Runs a rule with threshold 0 and keeps what it says of each node instead of reporting it. */
function recording(
  rule: Rule.RuleModule,
  figures: () => Figures,
  take: keyof Omit<OracleFunction, 'key' | 'line'>,
): Rule.RuleModule {
  return {
    ...rule,
    create(context) {
      let node: Located | undefined;
      let amount = 0;
      const listener = rule.create(
        Object.create(context, {
          options: { value: take === 'cyclomatic' ? [{ max: -1 }] : [-1] },
          report: {
            value: (problem: { node?: Located; data?: Record<string, number>; message?: string }) => {
              if (take === 'cyclomatic') write(problem.node, problem.data?.['complexity'] ?? 0);
              else amount = problem.data?.['complexityAmount'] ?? 0;
            },
          },
        }) as Rule.RuleContext,
      );
      function write(at: Located | undefined, value: number): void {
        if (!at) return;
        const key = `${at.range[0]}`;
        const known = figures().get(key) ?? { line: at.loc.start.line, cyclomatic: 0, cognitiveSonar: -1 };
        figures().set(key, { ...known, [take]: value });
      }
      if (take === 'cyclomatic') return listener;
      const leave = listener[':function:exit'] as (node: unknown) => void;
      return {
        ...listener,
        ':function:exit': (at: unknown) => {
          node = at as Located;
          amount = 0;
          leave(at);
          write(node, amount);
        },
      };
    },
  };
}

/** ESLint with `complexity` and sonarjs' `cognitive-complexity`, asked for the number of every function. */
export class EslintOracle {
  private readonly linter = new Linter();
  private figures: Figures = new Map();

  private readonly plugin = {
    rules: {
      cyclomatic: recording(builtinComplexity(), () => this.figures, 'cyclomatic'),
      cognitive: recording(
        sonarjs.rules?.['cognitive-complexity'] as unknown as Rule.RuleModule,
        () => this.figures,
        'cognitiveSonar',
      ),
    },
  };

  /** Every function of a file, or null when the oracle's parser refuses the file. */
  measure(source: string, path: string): OracleFunction[] | null {
    const typescript = /\.[cm]?tsx?$/.test(path);
    for (const sourceType of typescript ? (['module'] as const) : (['module', 'commonjs', 'script'] as const)) {
      this.figures = new Map();
      const messages = this.linter.verify(
        source,
        [
          {
            files: ['**/*'],
            plugins: { oracle: this.plugin },
            rules: { 'oracle/cyclomatic': 'error', 'oracle/cognitive': 'error' },
            linterOptions: { noInlineConfig: true },
            languageOptions: {
              ecmaVersion: 'latest',
              sourceType,
              ...(typescript ? { parser: typescriptParser } : {}),
              parserOptions: { ecmaFeatures: { jsx: !/\.ts$/.test(path) } },
            },
          },
        ],
        { filename: 'x' + path.slice(path.lastIndexOf('.')) },
      );
      if (messages.some(({ fatal }) => fatal)) continue;
      return [...this.figures].map(([key, figures]) => ({ key, ...figures }));
    }
    return null;
  }
}

function builtinComplexity(): Rule.RuleModule {
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- the one way to a built-in rule's code
  const rule = builtinRules.get('complexity');
  if (!rule) throw new Error('ESLint has no rule "complexity"');
  return rule;
}
