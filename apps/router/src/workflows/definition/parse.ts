import { findNodeAtLocation, parseTree } from 'jsonc-parser';
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node as YamlNode, parseDocument } from 'yaml';
import { isObject, type Json, pointerSteps, pointerTo } from './json';
import { type DefinitionFault, definitionFault } from './reader';
import { readWorkflow } from './read-workflow';
import { DEFINITION_LIMITS, type DefinitionLimits, type Workflow } from './workflow';

export type DefinitionFormat = 'yaml' | 'json';

/** A place in the text, both counted from 1. */
export interface Position {
  line: number;
  column: number;
}

export interface ParseOptions {
  /** Told by the first character when absent: `{` is JSON. */
  format?: DefinitionFormat;
  limits?: Partial<DefinitionLimits>;
}

export interface ParsedWorkflow {
  /** Undefined when the text is not YAML or JSON, or no object. */
  workflow: Workflow | undefined;
  faults: (DefinitionFault & Partial<Position>)[];
  /** Where a pointer stands in the text; undefined for a definition that came as an object. */
  locate: (pointer: string) => Position | undefined;
}

/** JSON inside JSON, at most; a definition nests about four levels per list of tasks. */
const MAX_NESTING = 256;

/** Aliases of YAML that may be resolved, so that a few lines cannot grow into gigabytes. */
const MAX_ALIASES = 100;

/**
 * Reads a workflow from YAML, JSON or an object. Never throws: what is wrong is in `faults`, each with a JSON Pointer
 * and, for text, line and column.
 */
export function parseWorkflow(source: unknown, options: ParseOptions = {}): ParsedWorkflow {
  const limits = { ...DEFINITION_LIMITS, ...options.limits };
  const parsed = typeof source === 'string' ? parseText(source, options.format, limits) : fromObject(source);
  const { value, locate } = parsed;
  let faults = parsed.faults;
  let workflow: Workflow | undefined;
  if (faults.length === 0) faults = checkJson(value, limits);
  if (faults.length === 0) {
    if (isObject(value)) ({ workflow, faults } = readWorkflow(value, limits));
    else faults = [definitionFault('WF101', '', 'A workflow must be an object with `document` and `do`')];
  }
  return { workflow, locate, faults: faults.map((fault) => ({ ...locate(fault.pointer), ...fault })) };
}

interface Text {
  value: Json | undefined;
  faults: (DefinitionFault & Partial<Position>)[];
  locate: (pointer: string) => Position | undefined;
}

const nowhere = (): undefined => undefined;

/** A copy of what `JSON.stringify` would keep, so that later changes of the caller's object have no effect. */
function fromObject(source: unknown): Text {
  try {
    const text = JSON.stringify(source) as string | undefined;
    return { value: text === undefined ? undefined : (JSON.parse(text) as Json), faults: [], locate: nowhere };
  } catch {
    const fault = definitionFault('WF100', '', 'The definition is not JSON: it contains itself');
    return { value: undefined, faults: [fault], locate: nowhere };
  }
}

function parseText(text: string, format: DefinitionFormat | undefined, limits: DefinitionLimits): Text {
  if (Buffer.byteLength(text) > limits.maxBytes) {
    const message = `The definition is larger than ${limits.maxBytes} bytes`;
    return { value: undefined, faults: [definitionFault('WF106', '', message)], locate: nowhere };
  }
  const chosen = format ?? (/^\s*\{/.test(text) ? 'json' : 'yaml');
  return chosen === 'json' ? parseJson(text) : parseYaml(text);
}

function parseJson(text: string): Text {
  const lines = new Lines(text);
  if (bracketsNestDeeperThan(text, MAX_NESTING)) return tooDeep('JSON');
  try {
    const value = JSON.parse(text) as Json;
    let tree: ReturnType<typeof parseTree> | null = null;
    const locate = (pointer: string): Position | undefined => {
      tree ??= parseTree(text);
      const root = tree;
      if (!root) return undefined;
      const steps = pointerSteps(pointer).map((step) => (/^\d+$/.test(step) ? Number(step) : step));
      const node = findNodeAtLocation(root, steps) ?? findNodeAtLocation(root, pointerSteps(pointer));
      // The property's name, when it has one, rather than its value.
      return node && lines.at(node.parent?.type === 'property' ? node.parent.offset : node.offset);
    };
    return { value, faults: [], locate };
  } catch (error) {
    const message = error instanceof Error ? error.message : 'it cannot be read';
    const offset = Number(/position (\d+)/.exec(message)?.[1] ?? text.length);
    const reason = message.replace(/ in JSON at position .*$/s, '').replace(/^Unexpected end.*$/s, 'it ends too early');
    const fault = { ...definitionFault('WF100', '', `Not JSON: ${reason}`), ...lines.at(offset) };
    return { value: undefined, faults: [fault], locate: nowhere };
  }
}

class Lines {
  constructor(private readonly text: string) {}

  at(offset: number): Position {
    const before = this.text.slice(0, offset);
    const line = before.split('\n').length;
    return { line, column: offset - before.lastIndexOf('\n') };
  }
}

function parseYaml(text: string): Text {
  const failed = (message: string, position: Partial<Position> = {}): Text => ({
    value: undefined,
    faults: [{ ...definitionFault('WF100', '', `Not YAML: ${message}`), ...position }],
    locate: nowhere,
  });
  // The parser recurses; nesting is refused before it overflows the stack.
  // `- - - - x` nests without brackets.
  const dashes = new RegExp(`(?:[-?:][ \\t]+){${MAX_NESTING},}`);
  if (bracketsNestDeeperThan(text, MAX_NESTING) || dashes.test(text)) return tooDeep('YAML');
  const lineCounter = new LineCounter();
  try {
    // The parser compares every key with every other; `repeatedKey` needs to look at each but once.
    const options = { lineCounter, version: '1.2', schema: 'core', stringKeys: true, uniqueKeys: false } as const;
    const document = parseDocument(text, options);
    const error = document.errors[0];
    if (error) {
      const at = lineCounter.linePos(error.pos[0]);
      return failed(error.message.split(' at line ')[0] ?? error.message, { line: at.line, column: at.col });
    }
    const repeated = repeatedKey(document.contents);
    if (repeated !== undefined) {
      const at = lineCounter.linePos(repeated);
      return failed('map keys must be unique', { line: at.line, column: at.col });
    }
    const value = document.toJS({ maxAliasCount: MAX_ALIASES }) as Json;
    const locate = (pointer: string): Position | undefined => {
      const offset = yamlOffset(document.contents, pointerSteps(pointer));
      if (offset === undefined) return undefined;
      const { line, col } = lineCounter.linePos(offset);
      return { line, column: col };
    };
    return { value, faults: [], locate };
  } catch (error) {
    if (error instanceof RangeError) return failed('it nests too deeply');
    return failed(error instanceof Error ? error.message : 'it cannot be read');
  }
}

function tooDeep(format: string): Text {
  const message = `Not ${format} that is read here: brackets nest deeper than ${MAX_NESTING}`;
  return { value: undefined, faults: [definitionFault('WF100', '', message)], locate: nowhere };
}

/** A count, not a parse: brackets inside quoted text count too. */
function bracketsNestDeeperThan(text: string, limit: number): boolean {
  let open = 0;
  for (let index = 0; index < text.length; index++) {
    const character = text[index];
    if (character === '[' || character === '{') open += 1;
    else if ((character === ']' || character === '}') && open > 0) open -= 1;
    if (open > limit) return true;
  }
  return false;
}

/** Where a key stands that its map has already. */
function repeatedKey(node: unknown): number | undefined {
  if (isSeq(node)) {
    for (const item of node.items) {
      const found = repeatedKey(item);
      if (found !== undefined) return found;
    }
  }
  if (!isMap(node)) return undefined;
  const seen = new Set<string>();
  for (const { key, value } of node.items) {
    const name = isScalar(key) ? String(key.value) : undefined;
    if (name !== undefined && seen.has(name)) return (key as YamlNode).range?.[0] ?? 0;
    if (name !== undefined) seen.add(name);
    const found = repeatedKey(value);
    if (found !== undefined) return found;
  }
  return undefined;
}

function yamlOffset(root: unknown, steps: string[]): number | undefined {
  let node = root;
  let offset = (root as YamlNode | null)?.range?.[0];
  for (const step of steps) {
    if (isAlias(node)) return offset;
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === step);
      if (!pair) return offset;
      offset = (pair.key as YamlNode).range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      offset = (node as YamlNode | undefined)?.range?.[0] ?? offset;
    } else return offset;
  }
  return offset;
}

/** That a parsed value is JSON of a bounded size; YAML also knows infinities, and aliases repeat whole trees. */
function checkJson(root: Json | undefined, limits: DefinitionLimits): DefinitionFault[] {
  const faults: DefinitionFault[] = [];
  let bytes = 0;
  const visit = (value: unknown, pointer: string, depth: number): boolean => {
    if (depth > MAX_NESTING) {
      faults.push(definitionFault('WF106', pointer, `Values nest deeper than ${MAX_NESTING}`));
      return false;
    }
    if (typeof value === 'string') bytes += Buffer.byteLength(value) + 2;
    else if (typeof value === 'number' && !Number.isFinite(value))
      faults.push(definitionFault('WF101', pointer, `${value} is not a number of JSON`));
    else bytes += 2;
    if (bytes > limits.maxBytes) {
      faults.push(definitionFault('WF106', '', `The definition is larger than ${limits.maxBytes} bytes`));
      return false;
    }
    if (Array.isArray(value)) return value.every((item, index) => visit(item, pointerTo(pointer, index), depth + 1));
    if (!isObject(value)) return true;
    return Object.entries(value).every(([name, item]) => {
      bytes += Buffer.byteLength(name) + 3;
      const at = pointerTo(pointer, name);
      if (name === '__proto__') faults.push(definitionFault('WF101', at, 'A property may not be named `__proto__`'));
      return visit(item, at, depth + 1);
    });
  };
  visit(root ?? null, '', 0);
  return faults;
}
