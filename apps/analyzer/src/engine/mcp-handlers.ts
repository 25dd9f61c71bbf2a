import type { CodeFile } from './code-file';
import { callsOf, isScript, parameterNames } from './code-queries';

/** A function that an MCP server runs when its tool is called, and the names its arguments have inside. */
export interface ToolHandler {
  /** Index into the file's units. */
  unit: number;
  node: number;
  args: string[];
  /** Whether a schema stands between the caller and the handler. */
  hasSchema: boolean;
  tool: string;
}

const REGISTER = /(?:^|\.)(?:tool|registerTool|addTool)$/;
const PYTHON_DECORATOR = /^@\s*(?:\w+\.)*(?:tool|call_tool)\b/;
const SERVER_FILE = /modelcontextprotocol|fastmcp|FastMCP|\bmcp\b|McpServer|mcp\.server/;

const isServerFile = ({ tree }: CodeFile): boolean => SERVER_FILE.test(tree.source);

/** The handlers of tools in a file of an MCP server. */
export function toolHandlers(file: CodeFile): ToolHandler[] {
  if (!isServerFile(file)) return [];
  return isScript(file) ? scriptHandlers(file) : file.language === 'python' ? pythonHandlers(file) : [];
}

function scriptHandlers(file: CodeFile): ToolHandler[] {
  const { tree, units } = file;
  const unitAt = new Map(units.list.map(({ node }, index) => [node, index]));
  const handlers: ToolHandler[] = [];
  for (const { node, callee, args } of callsOf(file)) {
    const isRequest =
      /setRequestHandler$/.test(callee) && /CallTool|tools\/call/.test(args[0] === undefined ? '' : tree.text(args[0]));
    if (!isRequest && !REGISTER.test(callee)) continue;
    const handler = args.map((arg) => functionOf(file, arg)).find((found) => found >= 0) ?? executeOption(file, args);
    const unit = unitAt.get(handler);
    if (unit === undefined) continue;
    const [name] = args;
    const tool = name !== undefined && tree.type(name) === 'string' ? tree.text(name).slice(1, -1) : '(any)';
    handlers.push({
      unit,
      node,
      tool,
      args: parameterNames(tree, handler).slice(0, 20),
      hasSchema: isRequest ? /\.parse\(|safeParse\(|validate/.test(tree.text(handler)) : hasSchema(file, callee, args),
    });
  }
  return handlers;
}

/** The function itself, or the one that a name of this file stands for. */
function functionOf({ tree, units }: CodeFile, arg: number): number {
  const type = tree.type(arg);
  if (type === 'arrow_function' || type === 'function_expression') return arg;
  if (type !== 'identifier') return -1;
  const name = tree.text(arg);
  return units.list.find((unit) => unit.name === name && unit.outer === -1)?.node ?? -1;
}

function executeOption(file: CodeFile, args: readonly number[]): number {
  const { tree } = file;
  for (const arg of args)
    if (tree.type(arg) === 'object')
      for (const member of tree.namedChildren(arg)) {
        if (
          tree.type(member) === 'method_definition' &&
          /^(?:execute|handler|run)$/.test(tree.text(tree.child(member, 'name')))
        )
          return member;
        const key = tree.child(member, 'key');
        if (key >= 0 && /^(?:execute|handler|run)$/.test(tree.text(key)))
          return functionOf(file, tree.child(member, 'value'));
      }
  return -1;
}

/** `tool(name, schema, handler)`, `tool(name, text, schema, handler)`, `registerTool(name, { inputSchema }, handler)`. */
function hasSchema({ tree }: CodeFile, callee: string, args: readonly number[]): boolean {
  if (/registerTool$|addTool$/.test(callee))
    return args.some((arg) => /\b(?:inputSchema|parameters|schema)\b/.test(tree.text(arg).slice(0, 5_000)));
  return args.slice(1, -1).some((arg) => !['string', 'template_string'].includes(tree.type(arg)));
}

function pythonHandlers(file: CodeFile): ToolHandler[] {
  const { tree, units } = file;
  return units.list.flatMap(({ node, name }, unit): ToolHandler[] => {
    const outer = tree.parent(node);
    if (outer < 0 || tree.type(outer) !== 'decorated_definition') return [];
    const decorated = [...tree.children(outer)].some(
      (child) => tree.type(child) === 'decorator' && PYTHON_DECORATOR.test(tree.text(child)),
    );
    if (!decorated) return [];
    const list = tree.child(node, 'parameters');
    const typed =
      list >= 0 &&
      [...tree.namedChildren(list)].every(
        (parameter) => tree.type(parameter).startsWith('typed') || !(tree.type(parameter) === 'identifier'),
      );
    return [
      {
        unit,
        node,
        tool: name,
        args: parameterNames(tree, node).filter((arg) => arg !== 'ctx' && arg !== 'context'),
        hasSchema: typed,
      },
    ];
  });
}

/** Units that run when the handler does: itself and the functions of the file that it calls by name, two steps deep. */
export function reachedUnits(file: CodeFile, unit: number): Map<number, 'self' | 'called'> {
  const { tree, units } = file;
  const byName = new Map(units.list.map(({ name }, index) => [name.slice(name.lastIndexOf('.') + 1), index]));
  const reached = new Map<number, 'self' | 'called'>([[unit, 'self']]);
  let frontier = [unit];
  for (let step = 0; step < 2; step++) {
    const next: number[] = [];
    for (const { node, callee } of callsOf(file)) {
      if (!frontier.some((from) => isInside(file, node, from))) continue;
      const target = byName.get(callee.slice(callee.lastIndexOf('.') + 1));
      if (target !== undefined && !reached.has(target) && tree.child(units.list[target]?.node ?? 0, 'body') >= 0) {
        reached.set(target, 'called');
        next.push(target);
      }
    }
    frontier = next;
  }
  return reached;
}

export function isInside({ tree, units }: CodeFile, node: number, unit: number): boolean {
  const owner = units.list[unit]?.node ?? -1;
  return owner >= 0 && node >= owner && node < tree.next(owner);
}
