import {
  getLocation,
  parseTree,
  getNodeValue,
  findNodeAtLocation,
  printParseErrorCode,
  type ParseError,
} from 'jsonc-parser';
import { isNode, LineCounter, parseDocument } from 'yaml';

export interface ConfigFault {
  file: string;
  /** From 1; undefined when the fault is not in the text. */
  line?: number;
  column?: number;
  message: string;
}

export interface ConfigDocument {
  value: unknown;
  /** Where the value at a path starts. */
  locate(path: readonly string[]): { line: number; column: number } | undefined;
}

/**
 * Reads JSON with comments and trailing commas, or YAML (by the file's ending). A byte-order mark and CRLF are fine.
 *
 * @returns the document, or the first fault with its line and column
 */
export function readConfigText(file: string, raw: string): ConfigDocument | ConfigFault {
  const text = raw.replace(/^\uFEFF/, '');
  return /\.ya?ml$/i.test(file) ? readYaml(file, text) : readJson(file, text);
}

export function isFault(result: ConfigDocument | ConfigFault): result is ConfigFault {
  return 'message' in result;
}

function readJson(file: string, text: string): ConfigDocument | ConfigFault {
  const errors: ParseError[] = [];
  const tree = parseTree(text, errors, { allowTrailingComma: true, disallowComments: false });
  const [first] = errors;
  if (first) {
    const path = getLocation(text, first.offset).path.join('.');
    const what = spoken(printParseErrorCode(first.error));
    return { file, ...position(text, first.offset), message: `${what}${path === '' ? '' : ` (in ${path})`}` };
  }
  if (!tree) return { file, line: 1, column: 1, message: 'The file is empty' };
  return {
    value: getNodeValue(tree) as unknown,
    locate: (path) => {
      const node = findNodeAtLocation(tree, [...path]);
      return node && position(text, node.offset);
    },
  };
}

function readYaml(file: string, text: string): ConfigDocument | ConfigFault {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const [first] = document.errors;
  if (first) return { file, ...at(first.pos[0]), message: first.message };
  return {
    value: document.toJS({ maxAliasCount: 100 }) as unknown,
    locate: (path) => {
      const node = document.getIn(path, true);
      return isNode(node) && node.range ? at(node.range[0]) : undefined;
    },
  };
}

function position(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') };
}

/** `CommaExpected` → `Comma expected`. */
function spoken(code: string): string {
  const words = code.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
