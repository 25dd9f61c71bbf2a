import { extname } from 'node:path';

export const LANGUAGE_IDS = [
  'javascript',
  'typescript',
  'tsx',
  'python',
  'go',
  'java',
  'csharp',
  'rust',
  'php',
  'ruby',
  'cpp',
  'bash',
] as const;
export type LanguageId = (typeof LANGUAGE_IDS)[number];

/** Node types of a grammar by the part they play; what the metrics know of a language. */
export interface Grammar {
  /** File name of the grammar in `@vscode/tree-sitter-wasm/wasm`, without `tree-sitter-` and `.wasm`. */
  readonly wasm: string;
  readonly extensions: readonly string[];
  /** Functions, methods and lambdas: each is measured on its own. */
  readonly functions: readonly string[];
  readonly classes: readonly string[];
  /** Each adds one path (cyclomatic). */
  readonly decisions: readonly string[];
  /** Operators of a logical expression; each adds one path. */
  readonly logical: { readonly nodes: readonly string[]; readonly operators: readonly string[] };
  /** Structures that nest what stands inside them (cognitive, nesting depth). */
  readonly ifs: readonly string[];
  readonly loops: readonly string[];
  readonly switches: readonly string[];
  readonly catches: readonly string[];
  readonly ternaries: readonly string[];
  /** Nodes that hold `else` and `else if` where the grammar has them. */
  readonly elses: readonly string[];
  readonly elseIfs: readonly string[];
  /** Jumps to a label. */
  readonly jumps: readonly string[];
  readonly calls: readonly string[];
  readonly strings: readonly string[];
  readonly numbers: readonly string[];
  readonly parameters: readonly string[];
}

const JS_FUNCTIONS = [
  'function_declaration',
  'function_expression',
  'generator_function',
  'generator_function_declaration',
  'arrow_function',
  'method_definition',
];

const javascript: Grammar = {
  wasm: 'javascript',
  extensions: ['.js', '.jsx', '.mjs', '.cjs'],
  functions: JS_FUNCTIONS,
  classes: ['class_declaration', 'class'],
  decisions: [
    'catch_clause',
    'ternary_expression',
    'for_statement',
    'for_in_statement',
    'if_statement',
    'while_statement',
    'do_statement',
    'switch_case',
    'assignment_pattern',
    'object_assignment_pattern',
    'optional_chain',
  ],
  logical: { nodes: ['binary_expression', 'augmented_assignment_expression'], operators: ['&&', '||', '??'] },
  ifs: ['if_statement'],
  loops: ['for_statement', 'for_in_statement', 'while_statement', 'do_statement'],
  switches: ['switch_statement'],
  catches: ['catch_clause'],
  ternaries: ['ternary_expression'],
  elses: ['else_clause'],
  elseIfs: [],
  jumps: ['break_statement', 'continue_statement'],
  calls: ['call_expression', 'new_expression'],
  strings: ['string', 'template_string'],
  numbers: ['number'],
  parameters: ['formal_parameters'],
};

const typescript: Grammar = {
  ...javascript,
  wasm: 'typescript',
  extensions: ['.ts', '.mts', '.cts'],
  classes: ['class_declaration', 'class', 'abstract_class_declaration'],
};

export const GRAMMARS: Record<LanguageId, Grammar> = {
  javascript,
  typescript,
  tsx: { ...typescript, wasm: 'tsx', extensions: ['.tsx'] },
  python: {
    wasm: 'python',
    extensions: ['.py', '.pyi'],
    functions: ['function_definition'],
    classes: ['class_definition'],
    decisions: [
      'if_statement',
      'elif_clause',
      'for_statement',
      'while_statement',
      'except_clause',
      'finally_clause',
      'conditional_expression',
      'for_in_clause',
      'if_clause',
      'case_clause',
    ],
    logical: { nodes: ['boolean_operator'], operators: ['and', 'or'] },
    ifs: ['if_statement'],
    loops: ['for_statement', 'while_statement'],
    switches: ['match_statement'],
    catches: ['except_clause'],
    ternaries: ['conditional_expression'],
    elses: ['else_clause'],
    elseIfs: ['elif_clause'],
    jumps: [],
    calls: ['call'],
    strings: ['string'],
    numbers: ['integer', 'float'],
    parameters: ['parameters'],
  },
  go: {
    wasm: 'go',
    extensions: ['.go'],
    functions: ['function_declaration', 'method_declaration', 'func_literal'],
    classes: ['type_spec'],
    decisions: ['if_statement', 'for_statement', 'expression_case', 'type_case', 'communication_case'],
    logical: { nodes: ['binary_expression'], operators: ['&&', '||'] },
    ifs: ['if_statement'],
    loops: ['for_statement'],
    switches: ['expression_switch_statement', 'type_switch_statement', 'select_statement'],
    catches: [],
    ternaries: [],
    elses: [],
    elseIfs: [],
    jumps: ['break_statement', 'continue_statement', 'goto_statement'],
    calls: ['call_expression'],
    strings: ['interpreted_string_literal', 'raw_string_literal'],
    numbers: ['int_literal', 'float_literal'],
    parameters: ['parameter_list'],
  },
  java: {
    wasm: 'java',
    extensions: ['.java'],
    functions: [
      'method_declaration',
      'constructor_declaration',
      'compact_constructor_declaration',
      'lambda_expression',
    ],
    classes: ['class_declaration', 'enum_declaration', 'record_declaration'],
    decisions: [
      'if_statement',
      'for_statement',
      'enhanced_for_statement',
      'while_statement',
      'do_statement',
      'switch_label',
      'catch_clause',
      'ternary_expression',
    ],
    logical: { nodes: ['binary_expression'], operators: ['&&', '||'] },
    ifs: ['if_statement'],
    loops: ['for_statement', 'enhanced_for_statement', 'while_statement', 'do_statement'],
    switches: ['switch_expression'],
    catches: ['catch_clause'],
    ternaries: ['ternary_expression'],
    elses: [],
    elseIfs: [],
    jumps: ['break_statement', 'continue_statement'],
    calls: ['method_invocation', 'object_creation_expression'],
    strings: ['string_literal'],
    numbers: ['decimal_integer_literal', 'hex_integer_literal', 'decimal_floating_point_literal'],
    parameters: ['formal_parameters', 'inferred_parameters'],
  },
  csharp: {
    wasm: 'c-sharp',
    extensions: ['.cs'],
    functions: [
      'method_declaration',
      'constructor_declaration',
      'destructor_declaration',
      'operator_declaration',
      'accessor_declaration',
      'local_function_statement',
      'lambda_expression',
      'anonymous_method_expression',
    ],
    classes: ['class_declaration', 'struct_declaration', 'record_declaration'],
    decisions: [
      'if_statement',
      'for_statement',
      'foreach_statement',
      'while_statement',
      'do_statement',
      'switch_section',
      'switch_expression_arm',
      'catch_clause',
      'conditional_expression',
    ],
    logical: { nodes: ['binary_expression'], operators: ['&&', '||', '??'] },
    ifs: ['if_statement'],
    loops: ['for_statement', 'foreach_statement', 'while_statement', 'do_statement'],
    switches: ['switch_statement', 'switch_expression'],
    catches: ['catch_clause'],
    ternaries: ['conditional_expression'],
    elses: [],
    elseIfs: [],
    jumps: ['goto_statement'],
    calls: ['invocation_expression', 'object_creation_expression'],
    strings: ['string_literal', 'verbatim_string_literal', 'interpolated_string_expression'],
    numbers: ['integer_literal', 'real_literal'],
    parameters: ['parameter_list'],
  },
  rust: {
    wasm: 'rust',
    extensions: ['.rs'],
    functions: ['function_item', 'closure_expression'],
    classes: ['impl_item'],
    decisions: ['if_expression', 'while_expression', 'for_expression', 'loop_expression', 'match_arm'],
    logical: { nodes: ['binary_expression'], operators: ['&&', '||'] },
    ifs: ['if_expression'],
    loops: ['while_expression', 'for_expression', 'loop_expression'],
    switches: ['match_expression'],
    catches: [],
    ternaries: [],
    elses: ['else_clause'],
    elseIfs: [],
    jumps: ['break_expression', 'continue_expression'],
    calls: ['call_expression', 'macro_invocation'],
    strings: ['string_literal', 'raw_string_literal'],
    numbers: ['integer_literal', 'float_literal'],
    parameters: ['parameters', 'closure_parameters'],
  },
  php: {
    wasm: 'php',
    extensions: ['.php'],
    functions: ['function_definition', 'method_declaration', 'anonymous_function', 'arrow_function'],
    classes: ['class_declaration', 'trait_declaration'],
    decisions: [
      'if_statement',
      'else_if_clause',
      'for_statement',
      'foreach_statement',
      'while_statement',
      'do_statement',
      'case_statement',
      'match_conditional_expression',
      'catch_clause',
      'conditional_expression',
    ],
    logical: { nodes: ['binary_expression'], operators: ['&&', '||', '??', 'and', 'or', 'xor'] },
    ifs: ['if_statement'],
    loops: ['for_statement', 'foreach_statement', 'while_statement', 'do_statement'],
    switches: ['switch_statement', 'match_expression'],
    catches: ['catch_clause'],
    ternaries: ['conditional_expression'],
    elses: ['else_clause'],
    elseIfs: ['else_if_clause'],
    jumps: ['goto_statement'],
    calls: [
      'function_call_expression',
      'member_call_expression',
      'scoped_call_expression',
      'object_creation_expression',
    ],
    strings: ['string', 'encapsed_string'],
    numbers: ['integer', 'float'],
    parameters: ['formal_parameters'],
  },
  ruby: {
    wasm: 'ruby',
    extensions: ['.rb'],
    functions: ['method', 'singleton_method', 'lambda'],
    classes: ['class', 'module'],
    decisions: [
      'if',
      'elsif',
      'unless',
      'if_modifier',
      'unless_modifier',
      'while',
      'until',
      'while_modifier',
      'until_modifier',
      'for',
      'when',
      'in_clause',
      'rescue',
      'rescue_modifier',
      'conditional',
    ],
    logical: { nodes: ['binary'], operators: ['&&', '||', 'and', 'or'] },
    ifs: ['if', 'unless', 'if_modifier', 'unless_modifier'],
    loops: ['while', 'until', 'while_modifier', 'until_modifier', 'for'],
    switches: ['case', 'case_match'],
    catches: ['rescue'],
    ternaries: ['conditional'],
    elses: ['else'],
    elseIfs: ['elsif'],
    jumps: [],
    calls: ['call'],
    strings: ['string'],
    numbers: ['integer', 'float'],
    parameters: ['method_parameters', 'lambda_parameters'],
  },
  cpp: {
    wasm: 'cpp',
    extensions: ['.cpp', '.cc', '.cxx', '.hpp', '.hh', '.h', '.c'],
    functions: ['function_definition', 'lambda_expression'],
    classes: ['class_specifier', 'struct_specifier'],
    decisions: [
      'if_statement',
      'for_statement',
      'for_range_loop',
      'while_statement',
      'do_statement',
      'case_statement',
      'catch_clause',
      'conditional_expression',
    ],
    logical: { nodes: ['binary_expression'], operators: ['&&', '||', 'and', 'or'] },
    ifs: ['if_statement'],
    loops: ['for_statement', 'for_range_loop', 'while_statement', 'do_statement'],
    switches: ['switch_statement'],
    catches: ['catch_clause'],
    ternaries: ['conditional_expression'],
    elses: ['else_clause'],
    elseIfs: [],
    jumps: ['goto_statement'],
    calls: ['call_expression', 'new_expression'],
    strings: ['string_literal', 'raw_string_literal'],
    numbers: ['number_literal'],
    parameters: ['parameter_list'],
  },
  bash: {
    wasm: 'bash',
    extensions: ['.sh', '.bash'],
    functions: ['function_definition'],
    classes: [],
    decisions: [
      'if_statement',
      'elif_clause',
      'for_statement',
      'c_style_for_statement',
      'while_statement',
      'case_item',
      'ternary_expression',
    ],
    logical: { nodes: ['list', 'binary_expression'], operators: ['&&', '||'] },
    ifs: ['if_statement'],
    loops: ['for_statement', 'c_style_for_statement', 'while_statement'],
    switches: ['case_statement'],
    catches: [],
    ternaries: ['ternary_expression'],
    elses: ['else_clause'],
    elseIfs: ['elif_clause'],
    jumps: [],
    calls: ['command'],
    strings: ['string', 'raw_string'],
    numbers: ['number'],
    parameters: [],
  },
};

const BY_EXTENSION = new Map<string, LanguageId>(
  LANGUAGE_IDS.flatMap((id) => GRAMMARS[id].extensions.map((extension) => [extension, id] as const)),
);

/** The language of a path by its extension, undefined when we do not read it. */
export function languageOf(path: string): LanguageId | undefined {
  return BY_EXTENSION.get(extname(path).toLowerCase());
}

export const isEcmaScript = (language: LanguageId): boolean =>
  language === 'javascript' || language === 'typescript' || language === 'tsx';
