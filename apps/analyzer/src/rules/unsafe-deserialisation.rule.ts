import { callsOf, option } from '../engine/code-queries';
import type { CodeRule } from './rule';

const PYTHON =
  /^(?:c?[pP]ickle\.loads?|dill\.loads?|cloudpickle\.loads?|marshal\.loads?|shelve\.open|jsonpickle\.decode|pd\.read_pickle|pandas\.read_pickle|joblib\.load|torch\.load)$/;
const SCRIPT =
  /^(?:unserialize|serialize\.unserialize|nodeSerialize\.unserialize|v8\.deserialize|deserialize|yaml\.loadAll?Unsafe|funcster\.deepDeserialize)$/;

/** Formats that make objects, and run code, while they are read. */
export const unsafeDeserialisation: CodeRule = {
  id: 'security/unsafe-deserialisation',
  family: 'security',
  target: 'code',
  title: 'Data is read in a format that can run code',
  level: 'error',
  confidence: 'medium',
  languages: ['javascript', 'typescript', 'tsx', 'python'],
  explanation:
    'pickle, marshal, unsafe YAML and node-serialize run code that the data names. Use JSON, or yaml.safe_load; if the data is your own, sign it and check the signature first.',
  cwe: [502],
  owasp: ['A08'],
  *check(file) {
    const { tree, language } = file;
    for (const { node, callee, args } of callsOf(file)) {
      if (language === 'python') {
        const loader = option(tree, args, 'Loader');
        const unsafeYaml =
          /^yaml\.(?:load|load_all|unsafe_load|full_load)$/.test(callee) &&
          !/Safe/.test(
            loader >= 0
              ? tree.text(loader)
              : args
                  .slice(1)
                  .map((arg) => tree.text(arg))
                  .join(),
          );
        if (
          unsafeYaml ||
          (PYTHON.test(callee) && !(callee === 'torch.load' && option(tree, args, 'weights_only') >= 0))
        )
          yield { node, message: `${callee} can run code that the data names` };
      } else if (SCRIPT.test(callee) && /node-serialize|serialize-to-js|funcster/.test(tree.source))
        yield { node, message: `${callee} can run code that the data names` };
    }
  },
  examples: {
    bad: [
      { language: 'python', code: 'import pickle\ndef f(data):\n    return pickle.loads(data)\n' },
      { language: 'python', code: 'import yaml\nx = yaml.load(text)\n' },
      {
        language: 'javascript',
        code: "const serialize = require('node-serialize');\nconst o = serialize.unserialize(input);",
      },
    ],
    good: [
      {
        language: 'python',
        code: 'import yaml, json\nx = yaml.safe_load(text)\ny = yaml.load(text, Loader=yaml.SafeLoader)\nz = json.loads(text)\n',
      },
      { language: 'javascript', code: 'const o = JSON.parse(input);' },
    ],
  },
};
