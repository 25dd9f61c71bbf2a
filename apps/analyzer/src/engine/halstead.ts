import type { SyntaxTree } from './syntax-tree';
import type { Units } from './units';

/** Halstead's measures: what is written as a token of the grammar is an operator, every other leaf an operand. */
export interface Halstead {
  operators: number;
  operands: number;
  distinctOperators: number;
  distinctOperands: number;
  /** Bits to write the program: length × log2(vocabulary). */
  volume: number;
  difficulty: number;
  effort: number;
}

const CLOSING = new Set([')', ']', '}', ';', ',', 'end', 'fi', 'done', 'esac']);

class Counter {
  private readonly seenOperators = new Set<string>();
  private readonly seenOperands = new Set<string>();
  private operators = 0;
  private operands = 0;

  operator(text: string): void {
    this.operators++;
    this.seenOperators.add(text);
  }

  operand(text: string): void {
    this.operands++;
    this.seenOperands.add(text);
  }

  result(): Halstead {
    const { operators, operands } = this;
    const distinctOperators = this.seenOperators.size;
    const distinctOperands = this.seenOperands.size;
    const vocabulary = distinctOperators + distinctOperands;
    const volume = vocabulary === 0 ? 0 : (operators + operands) * Math.log2(vocabulary);
    const difficulty = distinctOperands === 0 ? 0 : (distinctOperators / 2) * (operands / distinctOperands);
    return {
      operators,
      operands,
      distinctOperators,
      distinctOperands,
      volume: round(volume),
      difficulty: round(difficulty),
      effort: round(volume * difficulty),
    };
  }
}

/** Measures the file and, in the same pass, the own code of each unit. */
export function halsteadOf(tree: SyntaxTree, units: Units): { file: Halstead; units: Halstead[] } {
  const file = new Counter();
  const byUnit = units.list.map(() => new Counter());
  for (let node = 0; node < tree.size; node++) {
    if (!tree.isLeaf(node) || tree.start(node) === tree.end(node) || tree.isComment(node)) continue;
    const type = tree.type(node);
    const unit = byUnit[units.scope[node] ?? -1];
    if (!tree.isNamed(node)) {
      if (CLOSING.has(type)) continue;
      file.operator(type);
      unit?.operator(type);
    } else {
      const text = tree.text(node);
      file.operand(text);
      unit?.operand(text);
    }
  }
  return { file: file.result(), units: byUnit.map((counter) => counter.result()) };
}

/**
 * The maintainability index on 0…100 (the form Visual Studio uses): 171 − 5.2 ln V − 0.23 CC − 16.2 ln lines, scaled.
 */
export function maintainability(volume: number, cyclomatic: number, lines: number): number {
  const raw = 171 - 5.2 * Math.log(Math.max(volume, 1)) - 0.23 * cyclomatic - 16.2 * Math.log(Math.max(lines, 1));
  return round(Math.max(0, Math.min(100, (raw * 100) / 171)));
}

const round = (value: number) => Math.round(value * 100) / 100;
