import { GRAMMARS, isEcmaScript, type LanguageId } from './languages';
import type { NodeNames, SyntaxTree } from './syntax-tree';
import type { Units } from './units';

/** Complexities of every unit of a file, by the unit's index. */
export interface Complexities {
  /** McCabe's number as ESLint's `complexity` counts it (ECMAScript) and lizard (the others). */
  cyclomatic: Int32Array;
  /** Cognitive complexity as the SonarSource paper has it: nested functions count in the enclosing one too. */
  cognitive: Int32Array;
  /**
   * Cognitive complexity as eslint-plugin-sonarjs counts it: a function's own code only, of the logical operators only
   * runs of `&&`, no recursion. Equal to the paper's reading outside of ECMAScript, where there is no such counter.
   */
  cognitiveSonar: Int32Array;
  /** Deepest nesting of control structures in the unit's own code. */
  nesting: Int32Array;
}

const Role = {
  decision: 1,
  logical: 2,
  if: 4,
  loop: 8,
  switch: 16,
  catch: 32,
  ternary: 64,
  else: 128,
  elseIf: 256,
  jump: 512,
  function: 1024,
} as const;

const rolesByNames = new WeakMap<NodeNames, Uint16Array>();

/**
 * The parts that a type of node plays, by the type's number. A literal token plays none: the keyword `if` of Ruby shares
 * its name with the node it begins. Operators and `?.` are tokens.
 */
function rolesOf(names: NodeNames, language: LanguageId): Uint16Array {
  const known = rolesByNames.get(names);
  if (known) return known;
  const grammar = GRAMMARS[language];
  const byType = new Map<string, number>();
  const put = (types: readonly string[], role: number) => {
    for (const type of types) byType.set(type, (byType.get(type) ?? 0) | role);
  };
  put(grammar.decisions, Role.decision);
  put(grammar.logical.nodes, Role.logical);
  put(grammar.ifs, Role.if);
  put(grammar.loops, Role.loop);
  put(grammar.switches, Role.switch);
  put(grammar.catches, Role.catch);
  put(grammar.ternaries, Role.ternary);
  put(grammar.elses, Role.else);
  put(grammar.elseIfs, Role.elseIf);
  put(grammar.jumps, Role.jump);
  put(grammar.functions, Role.function);
  if (isEcmaScript(language)) put(['required_parameter', 'optional_parameter', '?.'], Role.decision);
  const roles = Uint16Array.from(names.types, (type, id) => {
    const role = byType.get(type) ?? 0;
    return names.named[id] === 1 || type === '?.' || role & Role.logical ? role : 0;
  });
  rolesByNames.set(names, roles);
  return roles;
}

/** Measures every unit in one pass over the tree. */
export function complexitiesOf(tree: SyntaxTree, language: LanguageId, units: Units): Complexities {
  return new ComplexityCounter(tree, language, units).count();
}

class ComplexityCounter {
  private readonly roles: Uint16Array;
  private readonly ecma: boolean;
  private readonly operators: ReadonlySet<string>;
  private readonly size = this.units.list.length;
  private readonly cyclomatic = new Int32Array(this.size).fill(1);
  private readonly deepest = new Int32Array(this.size);
  /** Increments that nesting does not raise; sums of levels; number of increments that nesting raises. */
  private readonly flat = new Int32Array(this.size);
  private readonly levels = new Float64Array(this.size);
  private readonly raised = new Int32Array(this.size);
  private readonly sonar = new Int32Array(this.size);
  /** Level at which a unit's own code begins. */
  private readonly base = new Int32Array(this.size);
  /** See {@link leak}. */
  private readonly leaked = new Int32Array(this.size);
  /** Control-flow level of each node. */
  private readonly level: Int32Array;
  /** Nearest enclosing function, skipping field initialisers and static blocks, which have no cognitive complexity of their own. */
  private readonly functionOf: Int32Array;
  private readonly unitAt = new Map<number, number>();

  constructor(
    private readonly tree: SyntaxTree,
    language: LanguageId,
    private readonly units: Units,
  ) {
    this.roles = rolesOf(tree.names, language);
    this.ecma = isEcmaScript(language);
    this.operators = new Set(GRAMMARS[language].logical.operators);
    this.level = new Int32Array(tree.size);
    this.functionOf = Int32Array.from(units.list, (_, index) => this.nearestFunction(index));
    units.list.forEach(({ node, kind }, index) => {
      if (kind !== 'field' && kind !== 'static') this.unitAt.set(node, index);
    });
  }

  count(): Complexities {
    const { tree, units, level: levels } = this;
    for (let node = 0; node < tree.size; node++) {
      const parent = tree.parent(node);
      const parentRole = this.roleOf(parent);
      let level = parent < 0 ? 0 : (levels[parent] ?? 0);
      if (parentRole !== 0) level += this.nests(parent, parentRole, node);
      levels[node] = level;
      const role = this.roleOf(node);
      if (role === 0) continue;
      const scope = units.scope[node] ?? -1;
      const unit = scope < 0 ? -1 : (this.functionOf[scope] ?? -1);
      const type = tree.type(node);
      if (role & Role.function) this.enterFunction(node, level, unit);
      if (scope >= 0 && this.isDecision(node, type, role)) this.cyclomatic[scope] = (this.cyclomatic[scope] ?? 0) + 1;
      if (unit >= 0) this.cognitive(node, type, role, level, unit);
    }
    return this.total();
  }

  private roleOf(node: number): number {
    return node < 0 ? 0 : (this.roles[this.tree.types[node] ?? 0] ?? 0);
  }

  private nearestFunction(index: number): number {
    let at = index;
    while (at >= 0) {
      const unit = this.units.list[at];
      if (!unit || (unit.kind !== 'field' && unit.kind !== 'static')) break;
      at = unit.outer;
    }
    return at;
  }

  private enterFunction(node: number, level: number, outer: number): void {
    const unit = this.unitAt.get(node);
    if (unit !== undefined) this.base[unit] = level + 1;
    if (this.ecma && outer >= 0) this.leak(node, outer);
  }

  /**
   * sonarjs forgets to leave the nesting level of a `?:` branch that is itself a function: what follows in the enclosing
   * function counts one level deeper. Kept, so that the two counters agree.
   */
  private leak(node: number, outer: number): void {
    const [branch, parent] = this.outOfParentheses(node);
    const role = this.roleOf(parent);
    if (role & Role.ternary && this.tree.field(branch) !== 'condition')
      this.leaked[outer] = (this.leaked[outer] ?? 0) + 1;
  }

  private outOfParentheses(node: number): [node: number, parent: number] {
    let at = node;
    let parent = this.tree.parent(at);
    while (parent >= 0 && this.tree.type(parent) === 'parenthesized_expression') {
      at = parent;
      parent = this.tree.parent(at);
    }
    return [at, parent];
  }

  private isDecision(node: number, type: string, role: number): boolean {
    const { tree } = this;
    if (role & Role.logical) return this.isLogical(node);
    if (!(role & Role.decision)) return false;
    if (type === 'required_parameter' || type === 'optional_parameter') return tree.child(node, 'value') >= 0;
    if (type === '?.') return tree.type(tree.parent(node)) !== 'optional_chain';
    return !this.isDefault(node, type);
  }

  /** `default:`, `case _:` and `*)` are where the path goes when no case holds; they add none. */
  private isDefault(node: number, type: string): boolean {
    const { tree } = this;
    if (type === 'switch_label' || type === 'switch_section' || type === 'case_statement')
      return tree.childOfType(node, 'default') >= 0 || tree.type(node + 1) === 'default';
    if (type === 'match_arm' || type === 'switch_expression_arm' || type === 'case_item' || type === 'case_clause') {
      const first = tree.firstNamed(node);
      const pattern = first < 0 ? '' : tree.text(first).trim();
      return pattern === '_' || pattern === '*';
    }
    return false;
  }

  private isLogical(node: number): boolean {
    return this.operatorOf(node) !== '';
  }

  /** The operator of a logical expression, '' for every other node. `&&=` counts as `&&`. */
  private operatorOf(node: number): string {
    const { tree } = this;
    const field = tree.child(node, 'operator');
    if (field >= 0) {
      const operator = tree.type(field);
      if (this.operators.has(operator)) return operator;
      return operator.endsWith('=') && this.operators.has(operator.slice(0, -1)) ? operator : '';
    }
    for (const child of tree.children(node)) if (this.operators.has(tree.type(child))) return tree.type(child);
    return '';
  }

  /** How much deeper `node` stands than its parent, which plays a part. */
  private nests(parent: number, role: number, node: number): 0 | 1 {
    const { tree } = this;
    if (!tree.isNamed(parent)) return 0;
    if (role & Role.function) return this.unitAt.has(parent) && tree.field(node) !== 'name' ? 1 : 0;
    const field = tree.field(node);
    const nodeRole = this.roleOf(node);
    if (role & (Role.if | Role.elseIf)) {
      if (field === 'condition' || field === 'initializer') return 0;
      if (nodeRole & (Role.else | Role.elseIf)) return 0;
      return field === 'alternative' && nodeRole & Role.if ? 0 : 1;
    }
    if (role & Role.else) return nodeRole & Role.if && tree.isNamed(node) ? 0 : 1;
    if (role & Role.loop) return field === 'body' ? 1 : 0;
    if (role & Role.switch) return field === 'body' || field === '' ? 1 : 0;
    if (role & Role.catch) return field === 'body' || field === '' ? 1 : 0;
    if (role & Role.ternary) return field === 'condition' ? 0 : 1;
    return 0;
  }

  private cognitive(node: number, type: string, role: number, level: number, unit: number): void {
    const { tree } = this;
    if (role & Role.if) {
      if (this.isElseIf(node)) this.addFlat(unit);
      else this.addRaised(level, unit);
      if (this.hasPlainElse(node)) this.addFlat(unit);
    } else if (role & (Role.loop | Role.switch | Role.catch | Role.ternary)) this.addRaised(level, unit);
    else if (role & Role.elseIf) this.addFlat(unit);
    else if (role & Role.else) {
      // Of an `if` only: Python's `for … else` and `try … else` are no branch of their own.
      const parentRole = this.roleOf(tree.parent(node));
      if (parentRole & (Role.if | Role.elseIf) && !this.holdsIf(node)) this.addFlat(unit);
    } else if (role & Role.jump) {
      if (this.jumpsToLabel(node, type)) this.addFlat(unit);
    } else if (role & Role.logical) this.addLogical(node, unit);
  }

  private isElseIf(node: number): boolean {
    const { tree } = this;
    const parent = tree.parent(node);
    if (parent < 0) return false;
    const role = this.roleOf(parent);
    if (role & Role.else) return true;
    return (role & Role.if) !== 0 && tree.field(node) === 'alternative';
  }

  /** Grammars without an else node (Go, Java, C#) put the branch straight into `alternative`. */
  private hasPlainElse(node: number): boolean {
    const { tree } = this;
    const alternative = tree.child(node, 'alternative');
    if (alternative < 0) return false;
    const role = this.roleOf(alternative);
    return (role & (Role.else | Role.elseIf | Role.if)) === 0;
  }

  private holdsIf(node: number): boolean {
    const { tree } = this;
    const inner = tree.firstNamed(node);
    // Ruby's `else` holds its statements directly, so an `if` in it is the first of them and no `else if`.
    return inner >= 0 && tree.type(node) === 'else_clause' && (this.roleOf(inner) & Role.if) !== 0;
  }

  private jumpsToLabel(node: number, type: string): boolean {
    if (type === 'goto_statement') return true;
    if (type === 'break_expression' || type === 'continue_expression') return this.tree.childOfType(node, 'label') >= 0;
    return this.tree.firstNamed(node) >= 0;
  }

  private addFlat(unit: number): void {
    this.flat[unit] = (this.flat[unit] ?? 0) + 1;
    this.sonar[unit] = (this.sonar[unit] ?? 0) + 1;
  }

  private addRaised(level: number, unit: number): void {
    this.raised[unit] = (this.raised[unit] ?? 0) + 1;
    this.levels[unit] = (this.levels[unit] ?? 0) + level;
    const own = level - (this.base[unit] ?? 0) + 1;
    this.sonar[unit] = (this.sonar[unit] ?? 0) + own + (this.leaked[unit] ?? 0);
    if (own > (this.deepest[unit] ?? 0)) this.deepest[unit] = own;
  }

  /** One for each run of the same operator, over the whole expression at once. */
  private addLogical(node: number, unit: number): void {
    const operator = this.operatorOf(node);
    if (operator === '' || operator.endsWith('=')) return;
    const [, parent] = this.outOfParentheses(node);
    const parentOperator = parent >= 0 && this.roleOf(parent) === Role.logical ? this.operatorOf(parent) : '';
    if (parentOperator !== '' && !parentOperator.endsWith('=')) return;
    const jsx = this.ecma && this.isJsxShortCircuit(node);
    let previous = '';
    for (const current of this.flattened(node)) {
      const same = canonical(current) === canonical(previous);
      if (!same && current !== '??') this.flat[unit] = (this.flat[unit] ?? 0) + 1;
      const counted = this.ecma ? current === '&&' && !jsx : current !== '??';
      if (!same && counted) this.sonar[unit] = (this.sonar[unit] ?? 0) + 1;
      previous = current;
    }
  }

  /** Operators of a logical expression from left to right, through parentheses. */
  private flattened(root: number): string[] {
    const { tree } = this;
    const operators: string[] = [];
    const stack: { node: number; operator?: string }[] = [{ node: root }];
    for (let top = stack.pop(); top; top = stack.pop()) {
      if (top.operator !== undefined) {
        operators.push(top.operator);
        continue;
      }
      let { node } = top;
      while (tree.type(node) === 'parenthesized_expression') node = tree.firstNamed(node);
      if (node < 0 || this.roleOf(node) !== Role.logical) continue;
      const operator = this.operatorOf(node);
      if (operator === '' || operator.endsWith('=')) continue;
      const sides = [...tree.namedChildren(node)];
      stack.push({ node: sides.at(-1) ?? -1 }, { node, operator }, { node: sides[0] ?? -1 });
    }
    return operators;
  }

  /** `{condition && <Element/>}`: the JSX form of an `if`, which sonarjs does not count. */
  private isJsxShortCircuit(node: number): boolean {
    const { tree } = this;
    if (tree.type(this.outOfParentheses(node)[1]) !== 'jsx_expression') return false;
    const right = tree.child(node, 'right');
    if (right < 0) return false;
    let inner = right;
    while (tree.type(inner) === 'parenthesized_expression') inner = tree.firstNamed(inner);
    return tree.type(inner).startsWith('jsx_');
  }

  private total(): Complexities {
    const { units, size } = this;
    const own = (index: number) => Math.round(this.levels[index] ?? 0) + (this.raised[index] ?? 0);
    const sums = Float64Array.from({ length: size }, (_, index) => own(index));
    const flats = Int32Array.from(this.flat);
    const counts = Int32Array.from(this.raised);
    // Inner units come after outer ones, so one pass backwards carries everything to where it also counts.
    for (let index = size - 1; index >= 0; index--) {
      const outer = units.list[index]?.outer ?? -1;
      if (outer < 0) continue;
      sums[outer] = (sums[outer] ?? 0) + (sums[index] ?? 0);
      flats[outer] = (flats[outer] ?? 0) + (flats[index] ?? 0);
      counts[outer] = (counts[outer] ?? 0) + (counts[index] ?? 0);
    }
    const cognitive = Int32Array.from(
      { length: size },
      (_, index) => (flats[index] ?? 0) + (sums[index] ?? 0) - (counts[index] ?? 0) * (this.base[index] ?? 0),
    );
    return { cyclomatic: this.cyclomatic, cognitive, cognitiveSonar: this.sonar, nesting: this.deepest };
  }
}

const canonical = (operator: string) => (operator === 'and' ? '&&' : operator === 'or' ? '||' : operator);
