import { isEcmaScript, type LanguageId } from './languages';
import type { SyntaxTree } from './syntax-tree';

export interface ImportFact {
  specifier: string;
  line: number;
  /** Names taken: `default`, `*` for the whole module, '' for none (side effects). */
  names: string[];
  /** Erased by the compiler. */
  isType: boolean;
  /** `export … from`: names given on, by the name they have outside; `*` for all. */
  givesOn?: Record<string, string>;
}

export interface ExportFact {
  name: string;
  line: number;
  isType: boolean;
}

export interface ModuleFacts {
  imports: ImportFact[];
  exports: ExportFact[];
}

/** What a module takes and gives. Languages other than ECMAScript and Python have no facts. */
export function moduleFacts(tree: SyntaxTree, language: LanguageId): ModuleFacts {
  if (isEcmaScript(language)) return ecmaFacts(tree);
  return language === 'python' ? pythonFacts(tree) : { imports: [], exports: [] };
}

function ecmaFacts(tree: SyntaxTree): ModuleFacts {
  const facts: ModuleFacts = { imports: [], exports: [] };
  for (let node = 0; node < tree.size; node++) {
    if (!tree.isNamed(node)) continue;
    const type = tree.type(node);
    if (type === 'import_statement') importStatement(tree, node, facts);
    else if (type === 'export_statement') exportStatement(tree, node, facts);
    else if (type === 'call_expression') callImport(tree, node, facts);
  }
  return facts;
}

const unquoted = (text: string) => text.replace(/^['"`]|['"`]$/g, '');
const lineOf = (tree: SyntaxTree, node: number) => tree.lineAt(tree.start(node));

function importStatement(tree: SyntaxTree, node: number, { imports }: ModuleFacts): void {
  const required = tree.childOfType(node, 'import_require_clause');
  const source = tree.child(required >= 0 ? required : node, 'source');
  if (source < 0) return;
  const clause = tree.childOfType(node, 'import_clause');
  const isType = tree.childOfType(node, 'type') >= 0;
  imports.push({
    specifier: unquoted(tree.text(source)),
    line: lineOf(tree, node),
    names: required >= 0 ? ['*'] : clause < 0 ? [] : importedNames(tree, clause),
    isType: isType || (clause >= 0 && isOnlyTypes(tree, clause)),
  });
}

function importedNames(tree: SyntaxTree, clause: number): string[] {
  const names: string[] = [];
  for (const part of tree.namedChildren(clause)) {
    if (tree.type(part) === 'identifier') names.push('default');
    else if (tree.type(part) === 'namespace_import') names.push('*');
    else
      for (const specifier of tree.namedChildren(part)) {
        const name = tree.child(specifier, 'name');
        if (name >= 0) names.push(unquoted(tree.text(name)));
      }
  }
  return names;
}

/** `import { type A, type B } from` is erased too. */
function isOnlyTypes(tree: SyntaxTree, clause: number): boolean {
  const named = tree.childOfType(clause, 'named_imports');
  if (named < 0 || [...tree.namedChildren(clause)].length > 1) return false;
  const specifiers = [...tree.namedChildren(named)];
  return specifiers.length > 0 && specifiers.every((specifier) => tree.childOfType(specifier, 'type') >= 0);
}

function exportStatement(tree: SyntaxTree, node: number, { imports, exports }: ModuleFacts): void {
  const line = lineOf(tree, node);
  const source = tree.child(node, 'source');
  const isType = tree.childOfType(node, 'type') >= 0;
  const clause = tree.childOfType(node, 'export_clause');
  if (source >= 0) {
    const givesOn: Record<string, string> = {};
    const namespace = tree.childOfType(node, 'namespace_export');
    if (namespace >= 0) {
      const name = tree.firstNamed(namespace);
      givesOn[name < 0 ? '*' : tree.text(name)] = '*';
    } else if (clause >= 0) Object.assign(givesOn, specifiersOf(tree, clause));
    else givesOn['*'] = '*';
    imports.push({ specifier: unquoted(tree.text(source)), line, names: Object.values(givesOn), isType, givesOn });
    for (const name of Object.keys(givesOn)) if (name !== '*') exports.push({ name, line, isType });
    return;
  }
  if (clause >= 0) {
    for (const name of Object.keys(specifiersOf(tree, clause))) exports.push({ name, line, isType });
    return;
  }
  if (tree.childOfType(node, 'default') >= 0) {
    exports.push({ name: 'default', line, isType: false });
    return;
  }
  const declaration = tree.child(node, 'declaration');
  if (declaration >= 0)
    for (const name of declaredNames(tree, declaration))
      exports.push({ name, line: lineOf(tree, declaration), isType: isTypeDeclaration(tree.type(declaration)) });
}

/** Outside name → inside name. */
function specifiersOf(tree: SyntaxTree, clause: number): Record<string, string> {
  const names: Record<string, string> = {};
  for (const specifier of tree.namedChildren(clause)) {
    const name = tree.child(specifier, 'name');
    const alias = tree.child(specifier, 'alias');
    if (name >= 0) names[unquoted(tree.text(alias >= 0 ? alias : name))] = unquoted(tree.text(name));
  }
  return names;
}

const isTypeDeclaration = (type: string) => type === 'interface_declaration' || type === 'type_alias_declaration';

function declaredNames(tree: SyntaxTree, declaration: number): string[] {
  const own = tree.child(declaration, 'name');
  if (own >= 0) return [tree.text(own)];
  const names: string[] = [];
  for (const declarator of tree.namedChildren(declaration)) {
    const name = tree.child(declarator, 'name');
    if (name < 0) continue;
    if (tree.isLeaf(name)) names.push(tree.text(name));
    else
      for (const leaf of tree.ofType(new Set(['shorthand_property_identifier_pattern', 'identifier']), name))
        names.push(tree.text(leaf));
  }
  return names;
}

/** `require('x')` and `import('x')`. */
function callImport(tree: SyntaxTree, node: number, { imports }: ModuleFacts): void {
  const callee = tree.child(node, 'function');
  if (callee < 0) return;
  const isRequire = tree.type(callee) === 'identifier' && tree.text(callee) === 'require';
  if (!isRequire && tree.type(callee) !== 'import') return;
  const list = tree.child(node, 'arguments');
  const argument = list < 0 ? -1 : tree.firstNamed(list);
  if (argument < 0 || tree.type(argument) !== 'string') return;
  imports.push({ specifier: unquoted(tree.text(argument)), line: lineOf(tree, node), names: ['*'], isType: false });
}

function pythonFacts(tree: SyntaxTree): ModuleFacts {
  const facts: ModuleFacts = { imports: [], exports: [] };
  for (let node = 0; node < tree.size; node++) {
    const type = tree.type(node);
    if (type === 'import_statement')
      for (const part of tree.namedChildren(node)) {
        const name = tree.type(part) === 'aliased_import' ? tree.child(part, 'name') : part;
        if (name >= 0)
          facts.imports.push({ specifier: tree.text(name), line: lineOf(tree, node), names: ['*'], isType: false });
      }
    else if (type === 'import_from_statement') {
      const module = tree.child(node, 'module_name');
      if (module < 0) continue;
      const names: string[] = [];
      for (const child of tree.children(node)) {
        if (tree.field(child) !== 'name') continue;
        const name = tree.type(child) === 'aliased_import' ? tree.child(child, 'name') : child;
        if (name >= 0) names.push(tree.text(name));
      }
      facts.imports.push({
        specifier: tree.text(module),
        line: lineOf(tree, node),
        names: names.length > 0 ? names : ['*'],
        isType: false,
      });
    }
  }
  return facts;
}
